"""An operations team that has nothing of ours: does all that the admin API is for, found by reflection.

    python operations.py 127.0.0.1:7070

The control plane is new and serves on loopback: the first part calls it without a token, and then makes one.
Fails with a traceback where anything is not as a client of gRPC expects.
"""

import sys
from queue import SimpleQueue

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure

from api import Api, detail, reason, refusal

ACME = "integrations/acme-erp"
DEPLOYMENT = f"{ACME}/deployments/bowlers-inc"
INTEGRATION = {
    "displayName": "Acme ERP",
    "flows": [{"key": "update-inventory", "name": "Update Inventory"}, {"key": "create-order", "name": "Create Order"}],
    "endpoint": {
        "type": "ENDPOINT_TYPE_SHARED",
        "externalCustomerId": {"reference": "results.body.data.customerId", "lookup": "LOOKUP_CUSTOMER_MAPPINGS"},
        "flowName": {"reference": "results.body.data.type"},
    },
}
SECRET = "Bearer hush-hush"
URL = "https://flows.example.com/inventory"


def main(address):
    with grpc.insecure_channel(address) as channel:
        api = Api(channel)
        repeatable(api)
        conventions(api)
        secrets(api)
        revisions(api)
        rotation(api)
        pause(api)
        bulk(api)
        lookups(api)
        lists(api)
        manifests(api)
        tests(api)
        edges(api)
        admin = access(api)
        audit(admin)
        an_edge(admin)
        ends(admin)
        unanswered = admin.unanswered("pointsman.")
        assert not unanswered, f"nobody has called {sorted(unanswered)}"


def repeatable(api):
    request = {"integrationId": "acme-erp", "integration": INTEGRATION, "requestId": "create-1"}
    assert "revision" not in api.CreateIntegration(**{**request, "validateOnly": True}), "0 is not written"
    first = api.CreateIntegration(**request)
    assert api.CreateIntegration(**request) == first
    other = {**request, "integrationId": "another"}
    assert reason(api.refused("CreateIntegration", **other)) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")
    assert reason(api.refused("CreateIntegration", **{**request, "requestId": ""})) == ("ALREADY_EXISTS", "ALREADY_EXISTS")


def conventions(api):
    for customer, external_id in (("bowlers-inc", "progix-1001"), ("pencils-co", "progix-1002")):
        api.CreateCustomer(customerId=customer, customer={"externalId": external_id})
    seen = api.GetCustomer(name="customers/bowlers-inc")["customer"]
    # Without a mask: what is set. With `*`: everything. Nested: just that.
    named = api.UpdateCustomer(customer={"name": seen["name"], "displayName": "Bowlers Inc", "etag": seen["etag"]})
    assert named["customer"]["externalId"] == "progix-1001", named
    stale = {"name": seen["name"], "displayName": "Too late", "etag": seen["etag"]}
    assert reason(api.refused("UpdateCustomer", customer=stale)) == ("ABORTED", "ETAG_MISMATCH")
    bare = api.UpdateCustomer(customer={"name": seen["name"], "externalId": "progix-1001"}, updateMask="*")
    assert "displayName" not in bare["customer"], bare
    change = {"name": ACME, "displayName": "Not named", "endpoint": {"maxBodyBytes": 1000}}
    nested = api.UpdateIntegration(integration=change, updateMask="endpoint.maxBodyBytes")["integration"]
    assert nested["endpoint"]["maxBodyBytes"] == 1000 and nested["displayName"] == "Acme ERP", nested
    unknown = api.refused("UpdateIntegration", integration=change, updateMask="endpoint.colour")
    assert detail(unknown, BadRequest).field_violations[0].field == "update_mask.paths[0]", unknown

    new = {"name": "customers/brushes-ltd", "externalId": "progix-1003"}
    assert reason(api.refused("UpdateCustomer", customer=new)) == ("NOT_FOUND", "NOT_FOUND")
    checked = api.UpdateCustomer(customer=new, allowMissing=True, validateOnly=True)
    assert "revision" not in checked, checked
    assert reason(api.refused("GetCustomer", name=new["name"])) == ("NOT_FOUND", "NOT_FOUND")
    assert api.UpdateCustomer(customer=new, allowMissing=True)["customer"]["externalId"] == "progix-1003"
    taken = api.refused("CreateCustomer", customerId="copy", customer={"externalId": "progix-1003"})
    assert reason(taken) == ("FAILED_PRECONDITION", "EXTERNAL_ID_TAKEN")
    assert detail(taken, PreconditionFailure).violations[0].subject == new["name"], taken


def secrets(api):
    endpoint = {"url": URL, "headers": {"authorization": SECRET}}
    deployment = {"customer": "customers/bowlers-inc", "flowEndpoints": {"update-inventory": endpoint}}
    made = api.CreateDeployment(parent=ACME, deploymentId="bowlers-inc", deployment=deployment)
    for answer in (made, api.GetDeployment(name=DEPLOYMENT), api.ListDeployments(parent=ACME), api.ExportManifest()):
        assert SECRET not in str(answer) and "<redacted>" in str(answer), answer

    kept = api.GetDeployment(name=DEPLOYMENT)["deployment"]
    assert api.UpdateDeployment(deployment=kept, updateMask="*")["revision"] == made["revision"], "it was so already"
    kept["flowEndpoints"]["update-inventory"]["url"] = "https://elsewhere.example.com/inventory"
    moved = api.refused("UpdateDeployment", deployment=kept, updateMask="*")
    fields = [violation.field for violation in detail(moved, BadRequest).field_violations]
    assert fields == ['deployment.flow_endpoints["update-inventory"].headers["authorization"]'], fields


def revisions(api):
    before = api.GetIntegration(name=ACME)["integration"]
    start = api.ListIntegrationRevisions(name=ACME, pageSize=1)["revisions"][0]["revision"]
    api.UpdateIntegration(integration={"name": ACME, "displayName": "Acme, renamed"}, updateMask="displayName")
    latest = api.ListIntegrationRevisions(name=ACME, pageSize=1)["revisions"][0]
    assert latest["changes"] == [{"field": "display_name", "before": "Acme ERP", "after": "Acme, renamed"}], latest
    back = api.RollbackIntegration(name=ACME, revision=start)
    assert back["integration"]["displayName"] == "Acme ERP", back
    assert back["integration"]["endpoint"] == before["endpoint"], back
    latest = api.ListIntegrationRevisions(name=ACME, pageSize=1)["revisions"][0]
    assert (latest["revision"], latest["rolledBackTo"]) == (back["revision"], start), latest
    pages = list(api.pages("ListIntegrationRevisions", "revisions", name=ACME))
    numbers = [int(revision["revision"]) for page in pages for revision in page]
    assert numbers == sorted(numbers, reverse=True) and len(numbers) == 4, numbers
    assert api.refused("RollbackIntegration", name=ACME, revision=10**9).code() == grpc.StatusCode.NOT_FOUND


def rotation(api):
    rotate = "IntegrationService.RotateEndpointToken"
    old = api.GetIntegration(name=ACME)["integration"]["endpoint"]["url"]
    started = api.call(rotate, name=ACME, rotation="ROTATION_START")
    assert started["integration"]["endpoint"]["url"] != old and started["olderUrls"] == 1, started
    finished = api.call(rotate, name=ACME, rotation="ROTATION_FINISH")
    assert finished["integration"]["endpoint"]["url"] == started["integration"]["endpoint"]["url"], finished
    assert "olderUrls" not in finished, finished
    none = api.refused("DeploymentService.RotateEndpointToken", name=DEPLOYMENT)
    assert none.code() == grpc.StatusCode.FAILED_PRECONDITION, none

    # The endpoint of a deployment.
    flows = [{"key": "in", "name": "In"}]
    direct = {"flows": flows, "endpoint": {"type": "ENDPOINT_TYPE_INSTANCE_SPECIFIC"}}
    api.CreateIntegration(integrationId="direct", integration=direct)
    deployment = {"customer": "customers/pencils-co", "flowEndpoints": {"in": {"url": URL}}}
    made = api.CreateDeployment(parent="integrations/direct", deploymentId="pencils-co", deployment=deployment)["deployment"]
    rotated = api.call("DeploymentService.RotateEndpointToken", name=made["name"], rotation="ROTATION_REPLACE")
    assert rotated["deployment"]["endpointUrl"] != made["endpointUrl"] and "olderUrls" not in rotated, rotated
    api.DeleteDeployment(name=made["name"])
    api.DeleteIntegration(name="integrations/direct")


def pause(api):
    assert api.PauseDeployment(name=DEPLOYMENT)["deployment"]["state"] == "STATE_PAUSED"
    again = api.PauseDeployment(name=DEPLOYMENT)
    resumed = api.ResumeDeployment(name=DEPLOYMENT)
    assert resumed["deployment"]["state"] == "STATE_ENABLED", resumed
    assert int(resumed["revision"]) == int(again["revision"]) + 1, "a second pause changes nothing"


def bulk(api):
    rows = [
        {"sourceCustomerId": "A06DFFAC", "externalId": "progix-1001"},
        {"sourceCustomerId": "C3E72B0C", "customer": "customers/pencils-co"},
    ]
    batch = api.BatchUpsertCustomerMappings(parent=ACME, rows=rows)
    assert batch["created"] == 2 and len(batch["customerMappings"]) == 2, batch
    again = api.BatchUpsertCustomerMappings(parent=ACME, rows=rows)
    assert (again["unchanged"], again["revision"]) == (2, batch["revision"]), again
    bad = api.refused("BatchUpsertCustomerMappings", parent=ACME, rows=[*rows, {"sourceCustomerId": "X", "externalId": "?"}])
    assert any("rows[2]" in violation.field for violation in detail(bad, BadRequest).field_violations), bad

    def parts(import_id, first, rows, count=None, mode="IMPORT_MODE_ALL_OR_NOTHING"):
        yield {"start": {"parent": ACME, "importId": import_id, "mode": mode, "firstRow": first}}
        for at in range(0, len(rows), 100):
            yield {"rows": {"rows": rows[at : at + 100]}}
        if count is not None:
            yield {"commit": {"rowCount": count}}

    many = [{"sourceCustomerId": f"S{number}", "externalId": "progix-1002"} for number in range(1000)]
    # A stream that ends without a commit writes nothing, and is taken up where it ended.
    refusal("an import without its end", lambda: api.stream("ImportCustomerMappings", parts("import-1", 0, many[:300])))
    kept = int(api.GetCustomerMappingImport(parent=ACME, importId="import-1")["rowCount"])
    assert kept == 300, kept
    done = api.stream("ImportCustomerMappings", parts("import-1", kept, many[kept:], 1000))
    assert done["committed"] and int(done["created"]) == 1000 and "failed" not in done, done
    assert api.GetCustomerMappingImport(parent=ACME, importId="import-1")["result"] == done

    faulty = [*many[:10], {"sourceCustomerId": "", "externalId": "progix-1002"}, {"sourceCustomerId": "Z", "externalId": "?"}]
    nothing = api.stream("ImportCustomerMappings", parts("import-2", 0, faulty, 12))
    assert "committed" not in nothing and [int(failure["row"]) for failure in nothing["failures"]] == [10, 11], nothing
    rest = api.stream("ImportCustomerMappings", parts("import-3", 0, faulty, 12, "IMPORT_MODE_KEEP_GOING"))
    assert rest["committed"] and (int(rest["unchanged"]), int(rest["failed"])) == (10, 2), rest


    single = {"sourceCustomerId": "ONE", "customer": "customers/pencils-co"}
    made = api.CreateCustomerMapping(parent=ACME, customerMappingId="one", customerMapping=single)["customerMapping"]
    moved = {**made, "customer": "customers/bowlers-inc"}
    moved = api.UpdateCustomerMapping(customerMapping=moved, updateMask="customer")["customerMapping"]
    assert api.GetCustomerMapping(name=made["name"])["customerMapping"] == moved and moved["uid"] == made["uid"], moved
    api.DeleteCustomerMapping(name=made["name"], etag=moved["etag"])


def lookups(api):
    found = api.LookupCustomer(parent=ACME, sourceCustomerId="A06DFFAC")
    assert found["customer"]["name"] == "customers/bowlers-inc" and len(found["customerMappings"]) == 1, found
    for known in ({"externalId": "progix-1001"}, {"customer": "customers/bowlers-inc"}):
        back = api.LookupCustomer(parent=ACME, **known)
        assert [mapping["sourceCustomerId"] for mapping in back["customerMappings"]] == ["A06DFFAC"], back
    assert api.refused("LookupCustomer", parent=ACME, sourceCustomerId="a06dffac").code() == grpc.StatusCode.NOT_FOUND


def lists(api):
    every = "integrations/-"
    found = api.ListCustomerMappings(parent=every, filter='source_customer_id = "S17"')["customerMappings"]
    assert [mapping["customer"] for mapping in found] == ["customers/pencils-co"], found
    found = api.ListDeployments(parent=every, filter='customer = "customers/bowlers-inc" AND state = "STATE_ENABLED"')
    assert [deployment["name"] for deployment in found["deployments"]] == [DEPLOYMENT], found
    wrong = api.refused("ListCustomers", filter='colour = "red"')
    assert detail(wrong, BadRequest).field_violations[0].field == "filter", wrong
    found = api.ListCustomers(filter='external_id = "progix-1002"')["customers"]
    assert [customer["name"] for customer in found] == ["customers/pencils-co"], found
    page = api.ListCustomerMappings(parent=ACME, pageSize=10)
    assert len(page["customerMappings"]) == 10, page
    for other in ({"parent": every}, {"parent": ACME, "filter": 'source_customer_id = "S1"'}):
        foreign = api.refused("ListCustomerMappings", pageToken=page["nextPageToken"], **other)
        assert reason(foreign) == ("INVALID_ARGUMENT", "PAGE_TOKEN_INVALID"), foreign
    assert reason(api.refused("ListCustomers", pageSize=-1))[0] == "INVALID_ARGUMENT"


def manifests(api):
    exported = api.ExportManifest()
    assert api.ApplyManifest(manifest=exported["manifest"])["revision"] == exported["revision"], "a no-op"
    ours = {"customers": [{"name": f"customers/team-{number}", "externalId": f"team-{number}"} for number in range(3)]}
    shown = api.ApplyManifest(manifest=ours, owner="team", validateOnly=True)
    assert [change["action"] for change in shown["changes"]] == ["ACTION_CREATED"] * 3, shown
    api.ApplyManifest(manifest=ours, owner="team")
    del ours["customers"][2]
    ours["customers"][0]["displayName"] = "The first"
    changes = api.ApplyManifest(manifest=ours, owner="team", prune=True)["changes"]
    assert [change["action"].removeprefix("ACTION_") for change in changes] == ["UPDATED", "UNCHANGED", "REMOVED"], changes
    assert changes[0]["changes"] == [{"field": "display_name", "after": "The first"}], changes

    theirs = {"customers": [{"name": "customers/pencils-co", "externalId": "progix-1002", "displayName": "Taken over"}]}
    assert api.refused("ApplyManifest", manifest=theirs, owner="team").code() == grpc.StatusCode.FAILED_PRECONDITION
    adopted = api.ApplyManifest(manifest=theirs, owner="team", adopt=True)["changes"][0]
    assert adopted["adoptedFrom"] == "default", adopted
    assert api.GetCustomer(name="customers/pencils-co")["customer"]["owner"] == "team"
    moved = api.ExportManifest(withEndpointTokens=True)["manifest"]
    url = api.GetIntegration(name=ACME)["integration"]["endpoint"]["url"]
    assert any(url.endswith(token) for tokens in moved["endpointTokens"] for token in tokens["tokens"]), moved


def tests(api):
    def run(body):
        from base64 import b64encode

        return api.TestEndpoint(name=ACME, request={"body": b64encode(body).decode()})

    route = run(b'{"customerId":"A06DFFAC","type":"Update Inventory"}')["route"]
    assert (route["deployment"], route["url"]) == (DEPLOYMENT, URL), route
    assert run(b'{"customerId":"A06DFFAX","type":"Update Inventory"}')["refusal"]["code"] == "customer_unknown"


def edges(api):
    # There is one, which serves all that was written.
    last = api.ExportManifest()["revision"]
    assert api.WaitForRevision(revision=last, minEdges=1, timeout="30s")["reached"]
    listed = api.ListEdges(filter='connected = "true"')["edges"]
    assert len(listed) == 1 and api.GetEdge(name=listed[0]["name"])["edge"]["connected"], listed
    pages = list(api.pages("GetConfig", "resources", size=500))
    assert DEPLOYMENT in {resource["name"] for page in pages for resource in page}, pages
    from base64 import b64decode

    assert not any(SECRET.encode() in b64decode(resource["body"]) for page in pages for resource in page)


def an_edge(api):
    made = api.CreateAccessToken(accessTokenId="foreign", accessToken={"role": "ROLE_EDGE", "edge": "edges/foreign"})
    edge = api.as_(made["secret"])
    assert edge.refused("GetIntegration", name=ACME).code() == grpc.StatusCode.PERMISSION_DENIED

    def stream(name):
        said = SimpleQueue()
        said.put({"hello": {"edge": name, "version": "foreign"}})
        return said, edge.both("StreamConfig", iter(said.get, None))

    another = refusal("the hello of another edge", lambda: next(stream("edges/another")[1]))
    assert reason(another) == ("PERMISSION_DENIED", "EDGE_NOT_BOUND"), another
    said, answers = stream("edges/foreign")
    chunks = [next(answers)["chunk"]]
    while not chunks[-1].get("commit"):
        chunks.append(next(answers)["chunk"])
    assert chunks[0]["full"] and DEPLOYMENT in {sent["name"] for chunk in chunks for sent in chunk["upserts"]}, chunks
    assert api.GetEdge(name="edges/foreign")["edge"]["version"] == "foreign"
    # It holds back what it was sent, until an admin accepts it.
    assert reason(api.refused("AcceptConfiguration", name="edges/foreign")) == ("FAILED_PRECONDITION", "NOTHING_HELD_BACK")
    held_back = {"epoch": chunks[0]["epoch"], "revision": chunks[0]["revision"], "endpointsServed": 4, "endpointsRemoved": 3}
    said.put({"ack": {"revision": 0, "hash": "A" * 22, "heldBack": held_back}})
    lagging = api.WaitForRevision(revision=held_back["revision"], edges=["edges/foreign"], timeout="30s")["lagging"]
    assert [edge["edge"] for edge in lagging] == ["edges/foreign"], lagging
    accepted = api.AcceptConfiguration(name="edges/foreign", epoch=held_back["epoch"])["accepted"]
    assert accepted[0]["edge"] == "edges/foreign", accepted
    assert any("accept" in answer for answer in answers)
    # A token that is revoked ends the stream that is open.
    api.RevokeAccessToken(name="accessTokens/foreign")
    over = refusal("a stream with a revoked token", lambda: list(answers))
    assert reason(over) == ("UNAUTHENTICATED", "TOKEN_REVOKED"), over


def ends(api):
    api.DeleteDeployment(name=DEPLOYMENT)
    api.DeleteIntegration(name="integrations/other")
    api.DeleteCustomer(name="customers/brushes-ltd")
    assert api.refused("GetDeployment", name=DEPLOYMENT).code() == grpc.StatusCode.NOT_FOUND


def access(api):
    def token(name, role, **more):
        return api.CreateAccessToken(accessTokenId=name, accessToken={"role": f"ROLE_{role}", **more})

    # From the first token on, everybody needs one.
    made = api.CreateAccessToken(accessTokenId="root", accessToken={"role": "ROLE_ADMIN"}, requestId="root-1")
    assert reason(api.refused("ListCustomers")) == ("UNAUTHENTICATED", "TOKEN_MISSING")
    assert api.as_("pmt_wrong").refused("ListCustomers").code() == grpc.StatusCode.UNAUTHENTICATED
    api = api.as_(made["secret"])

    repeat = {"accessTokenId": "repeat", "accessToken": {"role": "ROLE_VIEWER"}, "requestId": "viewer-1"}
    first, again = api.CreateAccessToken(**repeat), api.CreateAccessToken(**repeat)
    assert first["secret"] and "secret" not in again and again["accessToken"] == first["accessToken"], again
    assert first["secret"] not in str(api.ListAccessTokens()) + str(api.GetAccessToken(name="accessTokens/repeat"))

    viewer = api.as_(first["secret"])
    assert viewer.GetIntegration(name=ACME)
    denied = viewer.refused("DeleteCustomer", name="customers/brushes-ltd")
    assert reason(denied) == ("PERMISSION_DENIED", "ROLE_NOT_ENOUGH"), denied
    assert "editor" in str(detail(denied, ErrorInfo).metadata), denied
    assert viewer.refused("ListAuditEntries").code() == grpc.StatusCode.PERMISSION_DENIED

    api.CreateIntegration(integrationId="other", integration=INTEGRATION)
    scoped = api.as_(token("scoped", "EDITOR", integrations=[ACME])["secret"])
    assert scoped.UpdateIntegration(integration={"name": ACME, "displayName": "Scoped"}, updateMask="displayName")
    assert [integration["name"] for integration in scoped.ListIntegrations()["integrations"]] == [ACME]
    for method, request in {
        "GetIntegration": {"name": "integrations/other"},
        "DeleteIntegration": {"name": "integrations/other"},
        "ListDeployments": {"parent": "integrations/other"},
        "DeleteCustomer": {"name": "customers/brushes-ltd"},
    }.items():
        assert reason(scoped.refused(method, **request)) == ("PERMISSION_DENIED", "OUT_OF_SCOPE"), method
    assert scoped.GetCustomer(name="customers/brushes-ltd")

    service = api.as_(token("service", "PREPROCESS", integrations=[ACME])["secret"])
    assert service.LookupCustomer(parent=ACME, sourceCustomerId="A06DFFAC")
    assert reason(service.refused("LookupCustomer", parent="integrations/other", externalId="x"))[0] == "PERMISSION_DENIED"
    assert service.refused("GetCustomer", name="customers/pencils-co").code() == grpc.StatusCode.PERMISSION_DENIED

    # A token that is revoked ends what it has begun.
    waiting = viewer.future("WaitForRevision", revision=10**9, edges=["edges/nobody"], timeout="50s")
    api.RevokeAccessToken(name="accessTokens/repeat")
    assert refusal("a wait with a revoked token", waiting.result).code() == grpc.StatusCode.UNAUTHENTICATED
    assert reason(viewer.refused("ListCustomers")) == ("UNAUTHENTICATED", "TOKEN_REVOKED")
    api.DeleteAccessToken(name="accessTokens/repeat")
    used = api.refused("DeleteAccessToken", name="accessTokens/scoped")
    assert used.code() == grpc.StatusCode.FAILED_PRECONDITION, used
    return api


def audit(api):
    rerouted = {"name": "customers/brushes-ltd", "externalId": "progix-2003"}
    api.UpdateCustomer(customer=rerouted, updateMask="externalId", requestId="reroute-1")
    entry = api.ListAuditEntries(filter='reroutes = "true"', pageSize=1)["auditEntries"][0]
    assert (entry["resource"], entry["caller"]) == ("customers/brushes-ltd", "accessTokens/root"), entry
    change = {"field": "external_id", "before": "progix-1003", "after": "progix-2003", "reroutes": True}
    assert entry["changes"] == [change] and entry["requestId"] == "reroute-1", entry
    assert entry["peer"].startswith("127.0.0.1:") and entry["method"].endswith("CustomerService/UpdateCustomer"), entry
    revoked = api.ListAuditEntries(filter='action = "ACTION_REVOKED"')["auditEntries"]
    assert [entry["resource"] for entry in revoked] == ["accessTokens/repeat"], revoked
    everything = str([entry for page in api.pages("ListAuditEntries", "auditEntries") for entry in page])
    assert SECRET not in everything and "pmt_" not in everything
    numbers = [int(entry["revision"]) for entry in api.ListAuditEntries(pageSize=1000)["auditEntries"]]
    assert numbers == sorted(numbers, reverse=True), "the latest first"


if __name__ == "__main__":
    main(*sys.argv[1:])
