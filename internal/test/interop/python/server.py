"""A server as in the tutorials: no health service, no reflection, a few books.
Prints its port on standard output, and exits at the end of standard input."""

import sys
from concurrent import futures

import grpc

import api_pb2
import api_pb2_grpc
import bidirectional_pb2_grpc
import clientstreaming_pb2
import clientstreaming_pb2_grpc
import recommendations_pb2
import recommendations_pb2_grpc
import service1_pb2
import service1_pb2_grpc
import unary_pb2
import unary_pb2_grpc

BOOKS = {
    recommendations_pb2.ROMANCE: ["A Python Romance", "Two Pythons", "Love in Snakes"],
    recommendations_pb2.FICTIONAL: ["The Python"],
}


class Recommendations(recommendations_pb2_grpc.RecommendationsServicer):
    def Recommend(self, request, context):
        if request.category not in BOOKS:
            context.abort(grpc.StatusCode.NOT_FOUND, "Category not found")
        titles = BOOKS[request.category][: request.max_results]
        return recommendations_pb2.RecommendationResponse(
            recommendations=[
                recommendations_pb2.BookRecommendation(id=n + 1, title=title) for n, title in enumerate(titles)
            ]
        )


class Api(api_pb2_grpc.ApiServicer):
    def sayHello(self, request, context):
        return api_pb2.Hello(message=f"Hello {request.name} from Python!")

    def getAll(self, request, context):
        return api_pb2.Items(items=[api_pb2.Item(id=n, name=f"python {n}") for n in range(1, request.length + 1)])

    def getStream(self, request, context):
        for n in range(1, request.length + 1):
            yield api_pb2.Item(id=n, name=f"streamed {n}")


class Unary(unary_pb2_grpc.UnaryServicer):
    def GetServerResponse(self, request, context):
        return unary_pb2.MessageResponse(message=f"Python received {request.message}", received=True)


class ClientStreaming(clientstreaming_pb2_grpc.ClientStreamingServicer):
    def GetServerResponse(self, request_iterator, context):
        count = sum(1 for _ in request_iterator)
        return clientstreaming_pb2.MessageResponse(message=f"Python received {count} messages", received=True)


class Bidirectional(bidirectional_pb2_grpc.BidirectionalServicer):
    def GetServerResponse(self, request_iterator, context):
        yield from request_iterator


class Service1(service1_pb2_grpc.Service1Servicer):
    def ProcessName(self, request, context):
        sent = dict(context.invocation_metadata()).get("x-request-id", "")
        print("ProcessName", sent, flush=True)
        return service1_pb2.ProcessNameResponse(name=request.name.upper())


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=10))
    recommendations_pb2_grpc.add_RecommendationsServicer_to_server(Recommendations(), server)
    api_pb2_grpc.add_ApiServicer_to_server(Api(), server)
    unary_pb2_grpc.add_UnaryServicer_to_server(Unary(), server)
    clientstreaming_pb2_grpc.add_ClientStreamingServicer_to_server(ClientStreaming(), server)
    bidirectional_pb2_grpc.add_BidirectionalServicer_to_server(Bidirectional(), server)
    service1_pb2_grpc.add_Service1Servicer_to_server(Service1(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print("port", port, flush=True)
    sys.stdin.read()
    server.stop(1).wait()


main()
