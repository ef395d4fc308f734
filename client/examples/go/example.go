// Reduces a small tensor in one call, a large one in a stream, and shows an error. Usage: example ADDRESS
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"os"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	pb "example/treducev1"
)

// The bytes of elements: little-endian, row by row.
func toBytes(elements interface{}) []byte {
	var buffer bytes.Buffer
	if err := binary.Write(&buffer, binary.LittleEndian, elements); err != nil {
		log.Fatal(err)
	}
	return buffer.Bytes()
}

func fromBytes(data []byte, elements interface{}) {
	if err := binary.Read(bytes.NewReader(data), binary.LittleEndian, elements); err != nil {
		log.Fatal(err)
	}
}

func reduce(ctx context.Context, client pb.ReductionServiceClient) {
	correction := 0.0
	response, err := client.Reduce(ctx, &pb.ReduceRequest{
		Spec: &pb.ReductionSpec{
			Dtype: pb.Dtype_DTYPE_FLOAT64,
			Shape: []int64{2, 2},
			Reductions: []*pb.Reduction{
				{Op: pb.Op_OP_SUM, Dim: []int64{0}},
				{Op: pb.Op_OP_VAR, Options: &pb.Reduction_Variance{Variance: &pb.VarianceOptions{Correction: &correction}}},
			},
		},
		Data: toBytes([]float64{1, 2, 3, 4}),
	})
	if err != nil {
		log.Fatal(err)
	}
	var sum [2]float64
	var variance float64
	fromBytes(response.Results[0].Tensors[0].Data, &sum)
	fromBytes(response.Results[1].Tensors[0].Data, &variance)
	fmt.Printf("sum over dim 0: %.1f %.1f\n", sum[0], sum[1])
	fmt.Printf("variance: %v\n", variance)
}

// A million float32, sent in chunks. The tensor need not be in memory as a whole, and is not in the server's.
func reduceStream(ctx context.Context, client pb.ReductionServiceClient) {
	stream, err := client.ReduceStream(ctx)
	if err != nil {
		log.Fatal(err)
	}
	spec := &pb.ReductionSpec{
		Dtype:      pb.Dtype_DTYPE_FLOAT32,
		Shape:      []int64{1000000},
		Reductions: []*pb.Reduction{{Op: pb.Op_OP_SUM}},
	}
	requests := []*pb.ReduceStreamRequest{{Payload: &pb.ReduceStreamRequest_Spec{Spec: spec}}}
	chunk := make([]float32, 250000)
	for i := range chunk {
		chunk[i] = 0.5
	}
	for i := 0; i < 4; i++ {
		requests = append(requests, &pb.ReduceStreamRequest{Payload: &pb.ReduceStreamRequest_Chunk{Chunk: toBytes(chunk)}})
	}
	for _, request := range requests {
		// On an error the reason comes with Recv.
		if stream.Send(request) != nil {
			break
		}
	}
	stream.CloseSend()
	var result []byte
	for {
		response, err := stream.Recv()
		if err == io.EOF {
			break
		} else if err != nil {
			log.Fatal(err)
		}
		result = append(result, response.GetChunk()...)
	}
	var sum float32
	fromBytes(result, &sum)
	fmt.Printf("sum of the stream: %.1f\n", sum)
}

func mistake(ctx context.Context, client pb.ReductionServiceClient) {
	_, err := client.Reduce(ctx, &pb.ReduceRequest{Spec: &pb.ReductionSpec{
		Dtype:      pb.Dtype_DTYPE_FLOAT32,
		Shape:      []int64{1000000},
		Reductions: []*pb.Reduction{{Op: pb.Op_OP_SUM, Dim: []int64{1}}},
	}})
	refusal := status.Convert(err)
	for _, detail := range refusal.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			fmt.Printf("%s: %s\n", info.Reason, refusal.Message())
		}
	}
}

func main() {
	connection, err := grpc.Dial(os.Args[1], grpc.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	client := pb.NewReductionServiceClient(connection)
	ctx := context.Background()
	reduce(ctx, client)
	reduceStream(ctx, client)
	mistake(ctx, client)
}
