"""A Preprocess service for Acme ERP, from the bare proto.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
    .venv/bin/python main.py --listen 127.0.0.1:50061
"""

import argparse
import json
import os
import pathlib
import signal
import sys
import threading
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

# The folder that holds pointsman/preprocess/v1/preprocess.proto. grpcio-tools makes the code from it at start.
PROTOS = os.environ.get("PROTOS", str(pathlib.Path(__file__).resolve().parents[3] / "proto"))
sys.path.insert(0, PROTOS)
preprocess_pb2, preprocess_pb2_grpc = grpc.protos_and_services("pointsman/preprocess/v1/preprocess.proto")

SERVICE = "pointsman.preprocess.v1.PreprocessService"
# gRPC's usual limit of 4 MiB is below what Pointsman accepts as a body.
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
# What the sender gets to see of a refusal.
MAX_MESSAGE_CHARS = 256
DRAIN_SECONDS = 30

# Acme ERP's id for a customer -> ours.
CUSTOMERS = {"A06DFFAC": "progix-1001", "C3E72B0C": "progix-1002"}
FLOWS = {"inventory_update": "Update Inventory", "create_order": "Create Order"}


class Refusal(Exception):
    def __init__(self, code, message):
        super().__init__(message[:MAX_MESSAGE_CHARS])
        self.code = code


class PreprocessService(preprocess_pb2_grpc.PreprocessServiceServicer):
    def __init__(self, customers):
        self.customers = customers

    def Preprocess(self, request, context):
        try:
            customer_id, webhook_type = read_webhook(request.body)
            customer = find(self.customers, customer_id, "no customer has the Acme ERP id")
            flow = find(FLOWS, webhook_type, "no flow is for webhooks of type")
        except Refusal as refusal:
            context.abort(refusal.code, str(refusal))
        response = preprocess_pb2.PreprocessResponse()
        # Ids are strings: a number here is a double.
        response.results.update({"customerExternalId": customer, "flowName": flow})
        return response


def find(table, key, complaint):
    if key not in table:
        raise Refusal(grpc.StatusCode.NOT_FOUND, f"{complaint} {json.dumps(key)}")
    return table[key]


def read_webhook(body):
    """Reads customerId and type. Refuses what is not JSON, or says a thing twice: two readers could see two customers."""
    try:
        webhook = json.loads(body.decode("utf-8-sig"), object_pairs_hook=without_duplicates, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, f"the body is not JSON: {error}") from error
    if not isinstance(webhook, dict):
        raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, "the body is not a JSON object")
    for name in ("customerId", "type"):
        if not isinstance(webhook.get(name), str):
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, f"{name} is not a string")
    return webhook["customerId"], webhook["type"]


def without_duplicates(pairs):
    found = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{json.dumps(name)} is given more than once")
        found[name] = value
    return found


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


def serve(listen, customers):
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=16),
        maximum_concurrent_rpcs=1024,
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            # Else a second server on the same port would share its calls, unnoticed.
            ("grpc.so_reuseport", 0),
        ],
    )
    preprocess_pb2_grpc.add_PreprocessServiceServicer_to_server(PreprocessService(customers), server)
    status = health.HealthServicer()
    for service in ("", SERVICE):
        status.set(service, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), server)

    port = server.add_insecure_port(listen)
    server.start()
    address = listen if listen.startswith("unix:") else f"{listen.rpartition(':')[0]}:{port}"
    print(f"listening on {address}", flush=True)

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    status.enter_graceful_shutdown()
    server.stop(DRAIN_SECONDS).wait()


def main():
    parser = argparse.ArgumentParser(description="A Preprocess service for Acme ERP.")
    parser.add_argument(
        "--listen",
        default=os.environ.get("LISTEN", "127.0.0.1:50061"),
        help="127.0.0.1:50061 (port 0 works) or unix:/path",
    )
    parser.add_argument(
        "--customers",
        default=os.environ.get("CUSTOMERS"),
        help="a JSON file: an object from Acme ERP's customer ids to external IDs",
    )
    arguments = parser.parse_args()
    customers = CUSTOMERS
    if arguments.customers:
        customers = json.loads(pathlib.Path(arguments.customers).read_text(encoding="utf-8"))
    serve(arguments.listen, customers)


if __name__ == "__main__":
    main()
