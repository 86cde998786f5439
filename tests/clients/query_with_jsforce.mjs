// Logs in, describes, pages through a query and runs a bulk query with jsforce as published.
// One JSON object on stdout says what it saw.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const jsforce = require("jsforce");
const [loginUrl, clientId, clientSecret, username, password] = process.argv.slice(2);

const connection = new jsforce.Connection({ oauth2: { loginUrl, clientId, clientSecret } });
const user = await connection.login(username, password);
const identity = await connection.identity();
const globalDescribe = await connection.describeGlobal();
const account = await connection.describe("Account");

const query = "SELECT Id, Name FROM Account ORDER BY Name";
const paged = [];
let pages = 0;
let result = await connection.query(query, { headers: { "Sforce-Query-Options": "batchSize=200" } });
for (;;) {
  pages += 1;
  paged.push(...result.records.map((record) => record.Name));
  if (result.done) break;
  result = await connection.queryMore(result.nextRecordsUrl);
}

const bulk = [];
const stream = await connection.bulk2.query("SELECT Id, Name FROM Account");
await new Promise((resolve, reject) => {
  stream.on("record", (record) => bulk.push(record.Name));
  stream.on("end", resolve);
  stream.on("error", reject);
});

console.log(
  JSON.stringify({
    organizationId: user.organizationId,
    username: identity.username,
    objects: globalDescribe.sobjects.length,
    accountFields: account.fields.map((field) => field.name),
    pages,
    paged,
    bulk: bulk.sort(),
  }),
);
