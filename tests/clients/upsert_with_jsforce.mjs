// Upserts by Bulk API 2.0 with jsforce as published, in one go and step by step.
// One JSON object on stdout says what it saw.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const jsforce = require("jsforce");
const [loginUrl, clientId, clientSecret, username, password] = process.argv.slice(2);

const connection = new jsforce.Connection({ oauth2: { loginUrl, clientId, clientSecret } });
await connection.login(username, password);
connection.bulk2.pollInterval = 200;
connection.bulk2.pollTimeout = 30000;

const upsert = { object: "Order__c", operation: "upsert", externalIdFieldName: "ERP_Order_Id__c" };
const result = await connection.bulk2.loadAndWaitForResults({
  ...upsert,
  input: [
    { ERP_Order_Id__c: "E-1", Amount__c: "2.5" },
    { ERP_Order_Id__c: "E-2", Amount__c: "3" },
    { ERP_Order_Id__c: "E-3", Amount__c: "three" },
  ],
});

const job = connection.bulk2.createJob({
  ...upsert,
  lineEnding: "CRLF",
  columnDelimiter: "SEMICOLON",
});
await job.open();
await job.uploadData("ERP_Order_Id__c;Notes__c\r\nE-4;a,b\r\n");
await job.close();
await job.poll(200, 30000);
const semicolons = (await job.check()).state;

const given = connection.bulk2.createJob(upsert);
await given.open();
await given.uploadData("ERP_Order_Id__c\nE-5\n");
await given.abort();
const aborted = (await given.check()).state;
await given.delete();

const first = connection.bulk2.createJob(upsert);
await first.open();
await first.uploadData("ERP_Order_Id__c,Amount__c\nE-1,2.5\nE-2,3\nE-3,three\n");
await first.close();
await first.poll(200, 30000);

console.log(
  JSON.stringify({
    successful: result.successfulResults,
    failed: result.failedResults,
    unprocessed: result.unprocessedRecords,
    info: await first.check(),
    semicolons,
    aborted,
  }),
);
