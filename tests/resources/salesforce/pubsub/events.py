"""Made-up events: schemas after the samples of [cdc guide], and payloads of them.

Names of nested records and of the enum are not confirmed; the platform event's schema has the form
of one that was published.
"""

import copy
import json
from io import BytesIO

import fastavro
import pyarrow as pa

from resources.salesforce.pubsub.raw_events import RAW_EVENTS

NOW = 1_780_000_000_000  # milliseconds
TEXT_LISTS = ("nulledFields", "diffFields", "changedFields")
CHANGE_TYPES = [
    *("CREATE", "UPDATE", "DELETE", "UNDELETE"),
    *("GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW", "SNAPSHOT"),
]
HEADER = {
    "type": "record",
    "name": "ChangeEventHeader",
    "fields": [
        {"name": "entityName", "type": "string"},
        {"name": "recordIds", "type": {"type": "array", "items": "string"}},
        {
            "name": "changeType",
            "type": {"type": "enum", "name": "ChangeType", "symbols": CHANGE_TYPES},
        },
        {"name": "changeOrigin", "type": "string"},
        {"name": "transactionKey", "type": "string"},
        {"name": "sequenceNumber", "type": "int"},
        {"name": "commitTimestamp", "type": "long"},
        {"name": "commitNumber", "type": "long"},
        {"name": "commitUser", "type": "string"},
        *({"name": name, "type": {"type": "array", "items": "string"}} for name in TEXT_LISTS),
    ],
}
ADDRESS_PARTS = {
    **dict.fromkeys(("Street", "City", "State", "PostalCode", "Country"), "string"),
    **dict.fromkeys(("Latitude", "Longitude"), "double"),
    "GeocodeAccuracy": "string",
}


def nullable(name, kind, doc="Data:Text"):
    return {"name": name, "type": ["null", kind], "default": None, "doc": doc}


ADDRESS = {
    "type": "record",
    "name": "Address",
    "fields": [nullable(name, kind) for name, kind in ADDRESS_PARTS.items()],
}
PERSON_NAME = {
    "type": "record",
    "name": "PersonName",
    "fields": [nullable(name, "string") for name in ("Salutation", "FirstName", "LastName")],
}
# The order of a real Account, so that the bits of documented bitmaps mean what is documented.
ACCOUNT_FIELDS = [
    nullable("Name", "string"),
    nullable("Type", "string"),
    nullable("ParentId", "string", "Data:EntityId"),
    nullable("BillingAddress", ADDRESS, "Data:Address"),
    nullable("ShippingAddress", "com.sforce.eventbus.Address", "Data:Address"),
    *(nullable(n, "string") for n in ("Phone", "Fax", "AccountNumber", "Website", "Sic")),
    nullable("Industry", "string", "Data:DynamicEnum"),
    nullable("AnnualRevenue", "double", "Data:Currency"),
    nullable("NumberOfEmployees", "int", "Data:Integer"),
    *(nullable(n, "string") for n in ("Ownership", "TickerSymbol", "Description", "Rating")),
    nullable("Site", "string"),
    nullable("OwnerId", "string", "Data:EntityId"),
    nullable("CreatedDate", "long", "Data:DateTime"),
    nullable("CreatedById", "string", "Data:EntityId"),
    nullable("LastModifiedDate", "long", "Data:DateTime"),
]
HEADER_VALUES = {
    "entityName": "Account",
    "recordIds": ["001000000000001AAA"],
    "changeType": "UPDATE",
    "changeOrigin": "com/salesforce/api/rest/60.0;client=tidegate",
    "transactionKey": "0001ade9-3f74-0b99-dbc4-42e73424b774",
    "sequenceNumber": 1,
    "commitTimestamp": NOW,
    "commitNumber": 1_745_500_706_683_617_281,
    "commitUser": "005000000000001AAA",
    "nulledFields": [],
    "diffFields": [],
    "changedFields": [],
}


def change_schema(*fields, name="AccountChangeEvent"):
    """The JSON of a change event's schema."""
    found = {"type": "record", "name": name, "namespace": "com.sforce.eventbus"}
    header = {"name": "ChangeEventHeader", "type": HEADER}
    return json.dumps({**found, "fields": [header, *copy.deepcopy(fields)]})


ACCOUNT = change_schema(*ACCOUNT_FIELDS)
ORDER_EVENT = json.dumps(
    {
        "name": "Order_Event__e",
        "namespace": "com.sforce.eventbus",
        "type": "record",
        "fields": [
            {"name": "CreatedDate", "type": "long", "doc": "CreatedDate:DateTime"},
            {"name": "CreatedById", "type": "string", "doc": "CreatedBy:EntityId"},
            {"name": "Order__c", "type": ["null", "string"], "default": None},
            {"name": "Amount__c", "type": ["null", "double"], "default": None},
            {"name": "Due__c", "type": ["null", "long"], "default": None, "doc": "Data:DateTime"},
        ],
    }
)


def encode(schema_json, record):
    """A payload."""
    buffer = BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(json.loads(schema_json)), record)
    return buffer.getvalue()


def change(schema_json=ACCOUNT, header=None, **fields):
    """The payload of a change event; fields that aren't given are null."""
    return encode(schema_json, {"ChangeEventHeader": {**HEADER_VALUES, **(header or {})}, **fields})


def raw(*payloads, schema_id="account-1"):
    """Events as the inbox gives them; a payload may be a pair with its schema id."""
    rows = []
    for at, payload in enumerate(payloads, 1):
        body, schema = payload if isinstance(payload, tuple) else (payload, schema_id)
        rows.append(
            {
                "replay_id": at.to_bytes(8, "big"),
                "event_id": f"event-{at}",
                "schema_id": schema,
                "payload": body,
                "received_at": NOW * 1000,
            }
        )
    columns = {f.name: pa.array([row[f.name] for row in rows], f.type) for f in RAW_EVENTS}
    return pa.RecordBatch.from_pydict(columns, schema=RAW_EVENTS)
