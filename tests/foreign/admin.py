"""An admin who has nothing of ours: finds the admin API by reflection, and takes the tutorial through all its life.

    python admin.py 127.0.0.1:7070

Fails with a traceback where anything is not as a client of gRPC expects.
"""

import sys

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure

from api import Api, detail

PARENT = "integrations/acme-erp"
FLOWS = [{"key": "update-inventory", "name": "Update Inventory"}, {"key": "create-order", "name": "Create Order"}]
ENDPOINT = {
    "type": "ENDPOINT_TYPE_SHARED",
    "externalCustomerId": {"reference": "results.body.data.customerId", "lookup": "LOOKUP_CUSTOMER_MAPPINGS"},
    "flowName": {
        "reference": "results.body.data.type",
        "values": {"inventory_update": "Update Inventory", "create_order": "Create Order"},
    },
}
CUSTOMERS = {"bowlers-inc": ("progix-1001", "A06DFFAC"), "pencils-co": ("progix-1002", "C3E72B0C")}


def main(address):
    with grpc.insecure_channel(address) as channel:
        api = Api(channel)
        create(api)
        read(api)
        update(api)
        refused(api)
        delete(api)


def create(api):
    api.CreateIntegration(integrationId="acme-erp", integration={"flows": FLOWS, "endpoint": ENDPOINT})
    for customer, (external_id, source_id) in CUSTOMERS.items():
        api.CreateCustomer(customerId=customer, customer={"externalId": external_id})
        mapping = {"sourceCustomerId": source_id, "customer": f"customers/{customer}"}
        api.CreateCustomerMapping(parent=PARENT, customerMappingId=source_id.lower(), customerMapping=mapping)
        urls = {flow["key"]: {"url": f"http://127.0.0.1:9001/{customer}/{flow['key']}"} for flow in FLOWS}
        deployment = {"customer": f"customers/{customer}", "flowEndpoints": urls}
        made = api.CreateDeployment(parent=PARENT, deploymentId=customer, deployment=deployment)
        assert made["deployment"]["state"] == "STATE_ENABLED", made
    served = api.WaitForRevision(revision=made["revision"], minEdges=1, timeout="30s")
    assert served["reached"] and len(served["serving"]) == 1, served


def read(api):
    integration = api.GetIntegration(name=PARENT)["integration"]
    assert integration["flows"] == FLOWS, integration
    assert "/hooks/" in integration["endpoint"]["url"], integration
    lists = {
        ("ListIntegrations", "integrations"): ({}, [PARENT]),
        ("ListCustomers", "customers"): ({}, ["customers/bowlers-inc", "customers/pencils-co"]),
        ("ListCustomerMappings", "customerMappings"): (
            {"parent": PARENT},
            [f"{PARENT}/customerMappings/a06dffac", f"{PARENT}/customerMappings/c3e72b0c"],
        ),
        ("ListDeployments", "deployments"): (
            {"parent": "integrations/-"},
            [f"{PARENT}/deployments/bowlers-inc", f"{PARENT}/deployments/pencils-co"],
        ),
    }
    for (method, field), (request, expected) in lists.items():
        pages = list(api.pages(method, field, **request))
        assert all(len(page) == 1 for page in pages), pages
        assert [resource["name"] for page in pages for resource in page] == expected, pages


def update(api):
    name = f"{PARENT}/deployments/pencils-co"
    change = {"name": name, "displayName": "Pencils", "state": "STATE_PAUSED"}
    deployment = api.UpdateDeployment(deployment=change, updateMask="state")["deployment"]
    assert deployment["state"] == "STATE_PAUSED", deployment
    assert "displayName" not in deployment, "the mask does not name it"
    assert len(deployment["flowEndpoints"]) == 2, deployment


def refused(api):
    wrong = {
        "state": "STATE_PAUSED",
        "customer": "customers/bowlers-inc",
        "flowEndpoints": {"create-order": {"url": "ftp://example.com/", "headers": {"Host": "example.com"}}},
    }
    error = api.refused("CreateDeployment", parent=PARENT, deploymentId="new", deployment=wrong)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
    at = 'deployment.flow_endpoints["create-order"]'
    fields = [violation.field for violation in detail(error, BadRequest).field_violations]
    assert sorted(fields) == [f'{at}.headers["Host"]', f"{at}.url"], fields

    error = api.refused("DeleteCustomer", name="customers/bowlers-inc")
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION, error
    users = [violation.subject for violation in detail(error, PreconditionFailure).violations]
    assert f"{PARENT}/deployments/bowlers-inc" in users, users

    error = api.refused("GetCustomer", name="customers/nobody")
    assert error.code() == grpc.StatusCode.NOT_FOUND, error
    assert detail(error, ErrorInfo).reason == "NOT_FOUND", error


def delete(api):
    for customer, (_, source_id) in CUSTOMERS.items():
        api.DeleteDeployment(name=f"{PARENT}/deployments/{customer}")
        api.DeleteCustomerMapping(name=f"{PARENT}/customerMappings/{source_id.lower()}")
        api.DeleteCustomer(name=f"customers/{customer}")
    api.DeleteIntegration(name=PARENT)
    assert api.ExportManifest().get("manifest", {}) == {}


if __name__ == "__main__":
    main(*sys.argv[1:])
