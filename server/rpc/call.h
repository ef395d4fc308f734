// One call, as its handler sees it: messages of bytes to await, nothing of completion queues.
#ifndef TREDUCE_SERVER_RPC_CALL_H_
#define TREDUCE_SERVER_RPC_CALL_H_

#include <atomic>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/async_stream.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/rpc/event.h"

namespace treduce::rpc {

class Service;

// Every call is a stream in both directions here: unary is one message each way. Used by one coroutine at a time, on
// whatever thread it runs; it goes on, after each co_await, on the thread of the call's completion queue (or stays
// where it is when there was nothing to wait for). Once a call is cancelled every co_await completes, with false.
class Call {
 public:
  explicit Call(grpc::ServerCompletionQueue* queue) : queue_(queue) {}

  // Starts reading the next message, so that it arrives while the handler does something else.
  void Prefetch();

  // `co_await call.Read(message)`: true with the next message, false when there is none any more, because the client
  // has half-closed or because the call is over.
  auto Read(grpc::ByteBuffer& message) {
    struct Awaiter : Event::Awaiter {
      bool await_resume() const {
        call.reading_ = false;
        message.Clear();
        if (Event::Awaiter::await_resume()) message.Swap(&call.incoming_);
        return message.Valid();
      }

      Call& call;
      grpc::ByteBuffer& message;
    };
    Prefetch();
    return Awaiter{{read_}, *this, message};
  }

  // `co_await call.Write(message)`: true when the message is on its way and the next may be written.
  Event& Write(const grpc::ByteBuffer& message);

  // Has `message` sent together with the status that the handler returns, if that is OK.
  void WriteLast(grpc::ByteBuffer message) { last_ = std::move(message); }

  // Ends the call, on another thread than its handler's, which awaits a Read. That completes with false, if no message
  // has come; what the handler returns then is not sent. The handler must not do more before End has returned.
  void End(const absl::Status& status) { Finish(status); }

  // `co_await call.Pause()`: waits for Wake, or for the end of the call. For handlers that stay on the thread of
  // their queue.
  Event& Pause();
  // Thread-safe, after Pause.
  void Wake() { alarm_->Cancel(); }

  // Raised, on another thread than the handler's, when the client has cancelled, has gone or is past its deadline.
  const std::atomic<bool>& cancelled() const { return done_.cancelled; }

  absl::Time deadline() const { return absl::FromChrono(context_.deadline()); }

 private:
  friend class Receiver;

  // The end of the call, however it comes.
  struct Done : Event {
    explicit Done(Call& call) : call(call) {}
    void Complete(bool ok) override;
    Call& call;
    std::atomic<bool> cancelled = false;
  };

  // Awaits a client that calls `method` of `service`; false when the server shuts down.
  Event& Accept(Service& service, int method);
  // Once; later ones await the first.
  Event& Finish(const absl::Status& status);

  grpc::ServerCompletionQueue* const queue_;
  grpc::ServerContext context_;
  grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer> stream_{&context_};
  Event main_;  // of accepting, writing and finishing, which follow one another
  Event read_;
  Event pause_;
  Done done_{*this};
  bool finishing_ = false;
  bool reading_ = false;  // read_ is pending, or complete and not yet taken
  grpc::ByteBuffer incoming_;
  std::optional<grpc::ByteBuffer> last_;
  std::optional<grpc::Alarm> alarm_;
};

}  // namespace treduce::rpc

#endif  // TREDUCE_SERVER_RPC_CALL_H_
