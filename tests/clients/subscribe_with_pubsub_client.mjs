// Subscribes with salesforce-pubsub-api-client as published until it has as many events as asked for.
// One JSON object on stdout says what it saw.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { default: PubSubApiClient } = require("salesforce-pubsub-api-client");
const [pubSubEndpoint, instanceUrl, accessToken, organizationId, topic, count] = process.argv.slice(2);

const quiet = { debug() {}, info() {}, warn: console.error, error: console.error };
const client = new PubSubApiClient(
  {
    authType: "user-supplied",
    accessToken,
    instanceUrl,
    organizationId,
    pubSubEndpoint,
    rejectUnauthorizedSsl: false,
  },
  quiet,
);
await client.connect();
const events = [];
await new Promise((resolve, reject) => {
  const callback = (subscription, kind, data) => {
    if (kind === "event") events.push({ replayId: data.replayId, payload: data.payload });
    if (kind === "lastEvent") resolve();
    if (kind === "error") reject(data);
  };
  client.subscribeFromEarliestEvent(topic, callback, Number(count));
});
client.close();
console.log(
  JSON.stringify(events, (key, value) => (typeof value === "bigint" ? value.toString() : value)),
);
