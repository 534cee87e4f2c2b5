package io.spokemq.queue;

import com.google.protobuf.RpcCallback;
import com.google.protobuf.RpcController;
import com.google.protobuf.Service;
import io.spokemq.queue.protocol.QueueProtocol.AppendRequest;
import io.spokemq.queue.protocol.QueueProtocol.AppendResponse;
import io.spokemq.queue.protocol.QueueProtocol.BoundsRequest;
import io.spokemq.queue.protocol.QueueProtocol.BoundsResponse;
import io.spokemq.queue.protocol.QueueProtocol.DropRequest;
import io.spokemq.queue.protocol.QueueProtocol.DropResponse;
import io.spokemq.queue.protocol.QueueProtocol.GetQuotaRequest;
import io.spokemq.queue.protocol.QueueProtocol.GetQuotaResponse;
import io.spokemq.queue.protocol.QueueProtocol.ListRequest;
import io.spokemq.queue.protocol.QueueProtocol.ListResponse;
import io.spokemq.queue.protocol.QueueProtocol.MarkRequest;
import io.spokemq.queue.protocol.QueueProtocol.MarkResponse;
import io.spokemq.queue.protocol.QueueProtocol.QueueService;
import io.spokemq.queue.protocol.QueueProtocol.ReadRequest;
import io.spokemq.queue.protocol.QueueProtocol.ReadResponse;
import io.spokemq.queue.protocol.QueueProtocol.SetQuotaRequest;
import io.spokemq.queue.protocol.QueueProtocol.SetQuotaResponse;
import io.spokemq.queue.protocol.QueueProtocol.StatisticsRequest;
import io.spokemq.queue.protocol.QueueProtocol.StatisticsResponse;
import io.spokemq.queue.protocol.QueueProtocol.SweepRequest;
import io.spokemq.queue.protocol.QueueProtocol.SweepResponse;
import io.spokemq.queue.protocol.QueueProtocol.TrimRequest;
import io.spokemq.queue.protocol.QueueProtocol.TrimResponse;
import java.io.IOException;
import java.util.Collections;
import java.util.Optional;
import org.apache.hadoop.hbase.CoprocessorEnvironment;
import org.apache.hadoop.hbase.DoNotRetryIOException;
import org.apache.hadoop.hbase.coprocessor.CoprocessorException;
import org.apache.hadoop.hbase.coprocessor.RegionCoprocessor;
import org.apache.hadoop.hbase.coprocessor.RegionCoprocessorEnvironment;
import org.apache.hadoop.hbase.coprocessor.RegionObserver;
import org.apache.hadoop.hbase.ipc.CoprocessorRpcUtils;

/**
 * The queue service of one region, as HBase loads and calls it. Takes a call apart and gives its
 * answer or its error back; what the call means stands in the classes it goes to.
 */
public final class QueueEndpoint extends QueueService implements RegionCoprocessor {
  /** Most queues of a region whose state is remembered. */
  static final String STATES_MAX_KEY = "spokemq.queue.states.max";

  static final int STATES_MAX_DEFAULT = 4096;

  /** Of the contract in queue.proto. */
  private static final int CONTRACT = 1;

  private interface Call<T> {
    T run() throws IOException;
  }

  private QueueRegion region;
  private MemoryPressure pressure;

  @Override
  public void start(CoprocessorEnvironment environment) throws IOException {
    if (!(environment instanceof RegionCoprocessorEnvironment)) {
      throw new CoprocessorException(
          QueueEndpoint.class.getName() + " serves regions; set it as a table's coprocessor");
    }
    int statesMax = environment.getConfiguration().getInt(STATES_MAX_KEY, STATES_MAX_DEFAULT);
    RegionCoprocessorEnvironment ofRegion = (RegionCoprocessorEnvironment) environment;
    region = new QueueRegion(ofRegion.getRegion(), statesMax);
    pressure = MemoryPressure.of(ofRegion);
  }

  @Override
  public Optional<RegionObserver> getRegionObserver() {
    return Optional.of(new QueueRegionObserver(region));
  }

  @Override
  public Iterable<Service> getServices() {
    return Collections.singleton(this);
  }

  @Override
  public void append(
      RpcController controller, AppendRequest request, RpcCallback<AppendResponse> done) {
    answer(
        controller,
        done,
        () -> {
          pressure.relieve();
          return new AppendCall(region, request).run();
        });
  }

  @Override
  public void read(RpcController controller, ReadRequest request, RpcCallback<ReadResponse> done) {
    answer(controller, done, () -> new ReadCall(region, request).run());
  }

  @Override
  public void trim(RpcController controller, TrimRequest request, RpcCallback<TrimResponse> done) {
    answer(
        controller,
        done,
        () -> {
          new QueueChanges(region).trim(request);
          return TrimResponse.getDefaultInstance();
        });
  }

  @Override
  public void mark(RpcController controller, MarkRequest request, RpcCallback<MarkResponse> done) {
    answer(
        controller,
        done,
        () -> {
          new QueueChanges(region).mark(request);
          return MarkResponse.getDefaultInstance();
        });
  }

  @Override
  public void bounds(
      RpcController controller, BoundsRequest request, RpcCallback<BoundsResponse> done) {
    answer(
        controller,
        done,
        () -> {
          BoundsResponse.Builder response = BoundsResponse.newBuilder();
          for (QueueKey queue : region.keys(request.getQueueList(), "queue")) {
            response.addBounds(new QueueList(region).bounds(queue));
          }
          return response.build();
        });
  }

  @Override
  public void drop(RpcController controller, DropRequest request, RpcCallback<DropResponse> done) {
    answer(
        controller,
        done,
        () -> {
          new QueueChanges(region).drop(request.getQueueList());
          return DropResponse.getDefaultInstance();
        });
  }

  @Override
  public void setQuota(
      RpcController controller, SetQuotaRequest request, RpcCallback<SetQuotaResponse> done) {
    answer(
        controller,
        done,
        () -> {
          Quota quota = request.hasQuota() ? Quota.parse(request.getQuota(), "quota") : null;
          new QueueChanges(region).setQuota(region.key(request.getQueue(), "queue"), quota);
          return SetQuotaResponse.getDefaultInstance();
        });
  }

  @Override
  public void getQuota(
      RpcController controller, GetQuotaRequest request, RpcCallback<GetQuotaResponse> done) {
    answer(
        controller,
        done,
        () -> {
          Quota quota = region.state(region.key(request.getQueue(), "queue")).quota;
          GetQuotaResponse.Builder response = GetQuotaResponse.newBuilder();
          return (quota == null ? response : response.setQuota(quota.toProtocol())).build();
        });
  }

  @Override
  public void list(RpcController controller, ListRequest request, RpcCallback<ListResponse> done) {
    answer(controller, done, () -> new QueueList(region).list(request));
  }

  @Override
  public void sweep(
      RpcController controller, SweepRequest request, RpcCallback<SweepResponse> done) {
    answer(controller, done, () -> region.sweeper().sweep(request));
  }

  @Override
  public void statistics(
      RpcController controller, StatisticsRequest request, RpcCallback<StatisticsResponse> done) {
    answer(
        controller,
        done,
        () -> {
          QueueCounters counters = region.counters();
          return StatisticsResponse.newBuilder()
              .setVersion(Version.ofEndpoint())
              .setContract(CONTRACT)
              .setQueuesCached(region.states().size())
              .setRecoveries(region.states().recoveries())
              .setAppendCalls(counters.appendCalls.sum())
              .setMessagesAppended(counters.messagesAppended.sum())
              .setBytesAppended(counters.bytesAppended.sum())
              .setMessagesTrimmed(counters.messagesTrimmed.sum())
              .setMessagesEvicted(counters.messagesEvicted.sum())
              .setMessagesExpired(counters.messagesExpired.sum())
              .setRowsLeftOut(counters.rowsLeftOut.sum())
              .build();
        });
  }

  /**
   * Runs the call. An error goes to the caller by way of the controller, and then there is no
   * answer.
   */
  private static <T> void answer(RpcController controller, RpcCallback<T> done, Call<T> call) {
    T response = null;
    try {
      response = call.run();
    } catch (IOException error) {
      CoprocessorRpcUtils.setControllerException(controller, error);
    } catch (RuntimeException error) {
      // A fault of the endpoint itself: the same call would fail again.
      CoprocessorRpcUtils.setControllerException(
          controller, new DoNotRetryIOException("queue endpoint failed: " + error, error));
    }
    done.run(response);
  }
}
