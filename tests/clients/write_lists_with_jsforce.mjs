// Logs in by browser with PKCE, then writes and reads lists of rows with jsforce as published.
// One JSON object on stdout says what it saw.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const jsforce = require("jsforce");
const [loginUrl, clientId] = process.argv.slice(2);

const oauth2 = new jsforce.OAuth2({
  loginUrl,
  clientId,
  redirectUri: "http://127.0.0.1:9/callback",
  useVerifier: true,
});
const asked = oauth2.getAuthorizationUrl({ scope: "api refresh_token", state: "here" });
const sentBack = await fetch(asked, { redirect: "manual" });
const place = new URL(sentBack.headers.get("location"));
const connection = new jsforce.Connection({ oauth2 });
await connection.authorize(place.searchParams.get("code"));

const account = connection.sobject("Account");
const created = await account.create([
  { Name: "Quay", ERP_Id__c: "E-1" },
  { Name: "x".repeat(256) },
  { Name: "Pier", ERP_Id__c: "E-2" },
]);
const upserted = await account.upsert(
  [
    { ERP_Id__c: "E-1", Name: "Quay 2" },
    { ERP_Id__c: "E-3", Name: "Mole" },
  ],
  "ERP_Id__c",
);
const ids = [created[0].id, created[2].id];
const updated = await account.update([
  { Id: ids[0], Phone: "1" },
  { Id: "001000000000000AAA", Phone: "2" },
]);
const rolledBack = await account.create([{ Name: "Jetty" }, {}], { allOrNone: true });
const many = await account.create(
  Array.from({ length: 450 }, (_, n) => ({ Name: `Berth ${n}` })),
  { allowRecursive: true },
);
const retrieved = await account.retrieve(ids, { fields: ["Name", "Phone"] });
const composite = await connection.requestPost(`/services/data/v${connection.version}/composite`, {
  allOrNone: true,
  compositeRequest: [
    {
      method: "POST",
      url: `/services/data/v${connection.version}/sobjects/Contact`,
      referenceId: "sailor",
      body: { LastName: "Sailor", Account: { ERP_Id__c: "E-3" } },
    },
    {
      method: "GET",
      url: `/services/data/v${connection.version}/sobjects/Contact/@{sailor.id}?fields=AccountId`,
      referenceId: "read",
    },
  ],
});
const destroyed = await account.destroy(ids);

console.log(
  JSON.stringify({
    state: place.searchParams.get("state"),
    refreshToken: typeof connection.refreshToken,
    created,
    upserted,
    updated,
    rolledBack,
    many: many.filter((one) => one.success).length,
    retrieved: retrieved.map((record) => [record.Name, record.Phone]),
    composite: composite.compositeResponse.map((one) => one.httpStatusCode),
    parent: composite.compositeResponse[1].body.AccountId,
    destroyed: destroyed.map((one) => one.success),
  }),
);
