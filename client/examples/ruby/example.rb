# Reduces a small tensor in one call, a large one in a stream, and shows an error. Usage: ruby example.rb ADDRESS

require 'google/protobuf/well_known_types'
require 'grpc'
require 'google/rpc/error_details_pb'
require 'google/rpc/status_pb'
require 'treduce/v1/treduce_services_pb'

include Treduce::V1

stub = ReductionService::Stub.new(ARGV[0], :this_channel_is_insecure)

# [[1, 2], [3, 4]]: elements are little-endian, row by row.
data = [1.0, 2.0, 3.0, 4.0].pack('E*')
spec = ReductionSpec.new(dtype: :DTYPE_FLOAT64, shape: [2, 2], reductions: [
  Reduction.new(op: :OP_SUM, dim: [0]),
  Reduction.new(op: :OP_VAR, variance: VarianceOptions.new(correction: 0))
])
response = stub.reduce(ReduceRequest.new(spec: spec, data: data))
sum, variance = response.results.map { |result| result.tensors[0].data.unpack('E*') }
puts "sum over dim 0: #{sum.join(' ')}"
puts "variance: #{variance.join(' ')}"

# A million float32, sent in chunks. The tensor need not be in memory as a whole, and is not in the server's.
spec = ReductionSpec.new(dtype: :DTYPE_FLOAT32, shape: [1_000_000], reductions: [Reduction.new(op: :OP_SUM)])
messages = Enumerator.new do |requests|
  requests << ReduceStreamRequest.new(spec: spec)
  4.times { requests << ReduceStreamRequest.new(chunk: ([0.5] * 250_000).pack('e*')) }
end
sum = stub.reduce_stream(messages).map(&:chunk).join
puts "sum of the stream: #{sum.unpack1('e')}"

begin
  spec.reductions[0].dim << 1
  stub.reduce(ReduceRequest.new(spec: spec))
rescue GRPC::InvalidArgument => error
  status = Google::Rpc::Status.decode(error.metadata['grpc-status-details-bin'])
  info = status.details.find { |detail| detail.is(Google::Rpc::ErrorInfo) }.unpack(Google::Rpc::ErrorInfo)
  puts "#{info.reason}: #{error.details}"
end
