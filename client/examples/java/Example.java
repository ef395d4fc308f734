// Reduces a small tensor in one call, a large one in a stream, and shows an error. Usage: java Example ADDRESS

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.rpc.ErrorInfo;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.CompletableFuture;
import treduce.v1.ReductionServiceGrpc;
import treduce.v1.Treduce.Dtype;
import treduce.v1.Treduce.Op;
import treduce.v1.Treduce.ReduceRequest;
import treduce.v1.Treduce.ReduceResponse;
import treduce.v1.Treduce.ReduceStreamRequest;
import treduce.v1.Treduce.ReduceStreamResponse;
import treduce.v1.Treduce.Reduction;
import treduce.v1.Treduce.ReductionSpec;
import treduce.v1.Treduce.VarianceOptions;

public final class Example {
  public static void main(String[] args) throws Exception {
    ManagedChannel channel = ManagedChannelBuilder.forTarget(args[0]).usePlaintext().build();
    try {
      reduce(ReductionServiceGrpc.newBlockingStub(channel));
      reduceStream(ReductionServiceGrpc.newStub(channel));
      mistake(ReductionServiceGrpc.newBlockingStub(channel));
    } finally {
      channel.shutdownNow();
    }
  }

  // Elements are little-endian, row by row.
  private static ByteBuffer elements(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static ByteBuffer elements(ReduceResponse response, int reduction) {
    return elements(response.getResults(reduction).getTensors(0).getData().toByteArray());
  }

  private static void reduce(ReductionServiceGrpc.ReductionServiceBlockingStub stub) {
    ByteBuffer data = elements(new byte[4 * Double.BYTES]);
    data.putDouble(1).putDouble(2).putDouble(3).putDouble(4).flip();
    ReductionSpec spec =
        ReductionSpec.newBuilder()
            .setDtype(Dtype.DTYPE_FLOAT64)
            .addShape(2)
            .addShape(2)
            .addReductions(Reduction.newBuilder().setOp(Op.OP_SUM).addDim(0))
            .addReductions(
                Reduction.newBuilder().setOp(Op.OP_VAR).setVariance(VarianceOptions.newBuilder().setCorrection(0)))
            .build();
    ReduceResponse response =
        stub.reduce(ReduceRequest.newBuilder().setSpec(spec).setData(ByteString.copyFrom(data)).build());
    ByteBuffer sum = elements(response, 0);
    System.out.println("sum over dim 0: " + sum.getDouble() + " " + sum.getDouble());
    System.out.println("variance: " + elements(response, 1).getDouble());
  }

  // A million float32, sent in chunks. The tensor need not be in memory as a whole, and is not in the server's.
  private static void reduceStream(ReductionServiceGrpc.ReductionServiceStub stub) throws Exception {
    CompletableFuture<byte[]> result = new CompletableFuture<>();
    StreamObserver<ReduceStreamRequest> requests =
        stub.reduceStream(
            new StreamObserver<ReduceStreamResponse>() {
              private final ByteArrayOutputStream chunks = new ByteArrayOutputStream();

              @Override
              public void onNext(ReduceStreamResponse response) {
                chunks.writeBytes(response.getChunk().toByteArray());
              }

              @Override
              public void onError(Throwable error) {
                result.completeExceptionally(error);
              }

              @Override
              public void onCompleted() {
                result.complete(chunks.toByteArray());
              }
            });
    ReductionSpec spec =
        ReductionSpec.newBuilder()
            .setDtype(Dtype.DTYPE_FLOAT32)
            .addShape(1_000_000)
            .addReductions(Reduction.newBuilder().setOp(Op.OP_SUM))
            .build();
    requests.onNext(ReduceStreamRequest.newBuilder().setSpec(spec).build());
    ByteBuffer chunk = elements(new byte[250_000 * Float.BYTES]);
    while (chunk.hasRemaining()) chunk.putFloat(0.5f);
    for (int i = 0; i < 4; i++) {
      requests.onNext(ReduceStreamRequest.newBuilder().setChunk(ByteString.copyFrom(chunk.array())).build());
    }
    requests.onCompleted();
    System.out.println("sum of the stream: " + elements(result.get()).getFloat());
  }

  private static void mistake(ReductionServiceGrpc.ReductionServiceBlockingStub stub) throws Exception {
    ReductionSpec spec =
        ReductionSpec.newBuilder()
            .setDtype(Dtype.DTYPE_FLOAT32)
            .addShape(1_000_000)
            .addReductions(Reduction.newBuilder().setOp(Op.OP_SUM).addDim(1))
            .build();
    try {
      stub.reduce(ReduceRequest.newBuilder().setSpec(spec).build());
    } catch (StatusRuntimeException error) {
      for (Any detail : StatusProto.fromThrowable(error).getDetailsList()) {
        if (detail.is(ErrorInfo.class)) {
          System.out.println(detail.unpack(ErrorInfo.class).getReason() + ": " + error.getStatus().getDescription());
        }
      }
    }
  }
}
