"""Makes one call of the tutorials: client.py ADDRESS CALL [ARGUMENT]. Prints the
answer as JSON, an error as its code and text."""

import json
import queue
import sys

import grpc

import api_pb2
import api_pb2_grpc
import bidirectional_pb2
import bidirectional_pb2_grpc
import clientstreaming_pb2
import clientstreaming_pb2_grpc
import health_pb2
import health_pb2_grpc
import recommendations_pb2
import recommendations_pb2_grpc
import service1_pb2
import service1_pb2_grpc
import unary_pb2
import unary_pb2_grpc

TIMEOUT = 30


def recommend(channel, category):
    """The call that the tutorial's marketplace makes for its page."""
    stub = recommendations_pb2_grpc.RecommendationsStub(channel)
    response = stub.Recommend(
        recommendations_pb2.RecommendationRequest(
            user_id=1, category=recommendations_pb2.BookCategory.Value(category), max_results=3
        ),
        timeout=TIMEOUT,
    )
    return [[book.id, book.title] for book in response.recommendations]


def say_hello(channel, name):
    return api_pb2_grpc.ApiStub(channel).sayHello(api_pb2.HelloRequest(name=name), timeout=TIMEOUT).message


def get_all(channel, length):
    items = api_pb2_grpc.ApiStub(channel).getAll(api_pb2.ApiRequest(length=int(length)), timeout=TIMEOUT).items
    return [[item.id, item.name] for item in items]


def get_stream(channel, length):
    stream = api_pb2_grpc.ApiStub(channel).getStream(api_pb2.ApiRequest(length=int(length)), timeout=TIMEOUT)
    return [[item.id, item.name] for item in stream]


def count_stream(channel, length):
    """Checks that all items arrive, in order."""
    stream = api_pb2_grpc.ApiStub(channel).getStream(api_pb2.ApiRequest(length=int(length)), timeout=TIMEOUT)
    count = 0
    for item in stream:
        count += 1
        if item.id != count or item.name != f"name {count}":
            raise ValueError(f"item {count} is {item}")
    return count


def leave_stream(channel, length):
    """Cancels after the first items."""
    stream = api_pb2_grpc.ApiStub(channel).getStream(api_pb2.ApiRequest(length=int(length)), timeout=TIMEOUT)
    ids = [next(stream).id for _ in range(3)]
    stream.cancel()
    return ids


def unary(channel, text):
    response = unary_pb2_grpc.UnaryStub(channel).GetServerResponse(unary_pb2.Message(message=text), timeout=TIMEOUT)
    return [response.message, response.received]


def client_streaming(channel, count):
    messages = (clientstreaming_pb2.Message(message=str(n)) for n in range(int(count)))
    stub = clientstreaming_pb2_grpc.ClientStreamingStub(channel)
    response = stub.GetServerResponse(messages, timeout=TIMEOUT)
    return [response.message, response.received]


def bidirectional(channel, count):
    """Sends all messages, then reads all answers."""
    messages = (bidirectional_pb2.Message(message=f"message {n}") for n in range(int(count)))
    stub = bidirectional_pb2_grpc.BidirectionalStub(channel)
    return [answer.message for answer in stub.GetServerResponse(messages, timeout=TIMEOUT)]


def ping_pong(channel, count):
    """Sends each message after the answer to the one before."""
    answered = queue.Queue()

    def messages():
        for n in range(int(count)):
            yield bidirectional_pb2.Message(message=f"message {n}")
            answered.get(timeout=TIMEOUT)

    stub = bidirectional_pb2_grpc.BidirectionalStub(channel)
    answers = []
    for answer in stub.GetServerResponse(messages(), timeout=TIMEOUT):
        answers.append(answer.message)
        answered.put(None)
    return answers


def process_name(channel, name):
    stub = service1_pb2_grpc.Service1Stub(channel)
    metadata = [("x-request-id", "python-request-1")]
    return stub.ProcessName(service1_pb2.ProcessNameRequest(name=name), metadata=metadata, timeout=TIMEOUT).name


def health(channel, service):
    stub = health_pb2_grpc.HealthStub(channel)
    status = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=TIMEOUT).status
    return health_pb2.HealthCheckResponse.ServingStatus.Name(status)


CALLS = [
    recommend, say_hello, get_all, get_stream, count_stream, leave_stream, unary, client_streaming, bidirectional,
    ping_pong, process_name, health,
]


def main():
    address, name, argument = sys.argv[1:4]
    call = {call.__name__: call for call in CALLS}[name]
    with grpc.insecure_channel(address) as channel:
        try:
            print(json.dumps(call(channel, argument)))
        except grpc.RpcError as error:
            print(json.dumps([error.code().name, error.details()]))


main()
