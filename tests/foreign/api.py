"""A client of whatever a server offers by reflection: requests and answers are canonical JSON."""

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


class Api:
    """The methods of all services that reflection lists. A name that two services have is `Service.Method`."""

    def __init__(self, channel, token=None, methods=None, answered=None):
        self._channel = channel
        self._metadata = [("authorization", f"Bearer {token}")] if token else []
        self._methods = methods or find(channel)
        # The full names of those that have answered.
        self._answered = set() if answered is None else answered

    def as_(self, token):
        """The same, with this access token."""
        return Api(self._channel, token, self._methods, self._answered)

    def unanswered(self, package):
        """The methods of this package that have not answered anybody yet."""
        return {method.full_name for method in self._methods.values() if method.full_name.startswith(package)} - self._answered

    def __getattr__(self, name):
        return lambda **request: self.call(name, **request)

    def call(self, name, /, **request):
        return self.future(name, **request).result()

    def future(self, name, /, **request):
        """A call under way; `result()` waits for its answer."""
        stub, method = self._stub(name, self._channel.unary_unary)
        message = ParseDict(request, GetMessageClass(method.input_type)())
        future = stub.future(message, timeout=60, metadata=self._metadata)
        return Answer(future, lambda: self._answered.add(method.full_name))

    def stream(self, name, requests):
        """A call that takes a stream of requests."""
        stub, method = self._stub(name, self._channel.stream_unary)
        messages = (ParseDict(request, GetMessageClass(method.input_type)()) for request in requests)
        answer = MessageToDict(stub(messages, timeout=60, metadata=self._metadata))
        self._answered.add(method.full_name)
        return answer

    def both(self, name, requests):
        """A call with a stream each way: gives the answers as they come."""
        stub, method = self._stub(name, self._channel.stream_stream)
        messages = (ParseDict(request, GetMessageClass(method.input_type)()) for request in requests)
        for answer in stub(messages, timeout=60, metadata=self._metadata):
            self._answered.add(method.full_name)
            yield MessageToDict(answer)

    def _stub(self, name, kind):
        method = self._methods[name]
        stub = kind(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        return stub, method

    def refused(self, method, /, **request):
        """The error of a call that must fail."""
        return refusal(method, lambda: self.call(method, **request))

    def pages(self, method, field, /, size=1, **request):
        """All pages of a list, of so many resources each."""
        token = ""
        while True:
            page = self.call(method, **request, pageSize=size, pageToken=token)
            yield page.get(field, [])
            token = page.get("nextPageToken")
            if not token:
                return


class Answer:
    def __init__(self, future, answered):
        self._future, self._answered = future, answered

    def result(self):
        answer = MessageToDict(self._future.result())
        self._answered()
        return answer


def find(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    pool = DescriptorPool(database)
    methods = {}
    for service in map(pool.FindServiceByName, database.get_services()):
        for method in service.methods:
            methods[method.name] = method
            methods[f"{service.name}.{method.name}"] = method
    return methods


def refusal(what, call):
    try:
        answer = call()
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"{what} should be refused, and answered {answer}")


def detail(error, kind):
    """The detail of this kind that came with an error."""
    trailers = dict(error.trailing_metadata())
    for packed in Status.FromString(trailers["grpc-status-details-bin"]).details:
        message = kind()
        if packed.Unpack(message):
            return message
    raise AssertionError(f"no {kind.DESCRIPTOR.name} in {error}")


def reason(error):
    """What kind of error it is: its code and its reason."""
    return error.code().name, detail(error, ErrorInfo).reason
