package io.spokemq.queue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.HConstants;
import org.apache.hadoop.hbase.LocalHBaseCluster;
import org.apache.hadoop.hbase.ServerName;
import org.apache.hadoop.hbase.client.Admin;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.RegionInfo;
import org.apache.hadoop.hbase.regionserver.HRegion;
import org.apache.hadoop.hbase.regionserver.HRegionServer;
import org.apache.hadoop.hbase.util.JVMClusterUtil.RegionServerThread;
import org.apache.hadoop.hbase.zookeeper.MiniZooKeeperCluster;
import org.apache.hadoop.metrics2.lib.DefaultMetricsSystem;

/**
 * A real HBase inside this process, on loopback and on ports of its own: ZooKeeper, a master and
 * two region servers. All tests of one JVM share it; it ends with the JVM.
 */
final class LocalCluster {
  private static final int REGION_SERVERS = 2;
  private static final long WAIT_MS = 60_000;

  private static LocalCluster shared;

  private final LocalHBaseCluster servers;
  private final Connection connection;

  private LocalCluster() throws Exception {
    // Two region servers in one JVM would otherwise quarrel about the names of their metrics.
    DefaultMetricsSystem.setMiniClusterMode(true);
    Path data = Files.createTempDirectory(new File("target").toPath(), "hbase-");
    Configuration conf = HBaseConfiguration.create();
    MiniZooKeeperCluster zooKeeper = new MiniZooKeeperCluster(conf);
    int port = zooKeeper.startup(data.resolve("zk").toFile());
    conf.set(HConstants.ZOOKEEPER_QUORUM, "127.0.0.1");
    conf.setInt(HConstants.ZOOKEEPER_CLIENT_PORT, port);
    conf.set(HConstants.HBASE_DIR, data.resolve("hbase").toUri().toString());
    for (String server : new String[] {"master", "regionserver"}) {
      conf.set("hbase." + server + ".hostname", "127.0.0.1");
      conf.set("hbase." + server + ".ipc.address", "127.0.0.1");
      conf.setInt("hbase." + server + ".port", 0);
      conf.setInt("hbase." + server + ".info.port", -1);
    }
    conf.setBoolean("hbase.unsafe.stream.capability.enforce", false);
    conf.setInt("hbase.procedure.remote.dispatcher.delay.msec", 10);
    conf.setInt(HConstants.REGION_SERVER_HANDLER_COUNT, 20);
    conf.setLong("hbase.hregion.memstore.mslab.chunksize", 256 * 1024);
    servers = new LocalHBaseCluster(conf, 1, REGION_SERVERS);
    servers.startup();
    connection = ConnectionFactory.createConnection(conf);
    awaitServers(REGION_SERVERS);
  }

  static synchronized LocalCluster shared() throws Exception {
    if (shared == null) {
      shared = new LocalCluster();
    }
    return shared;
  }

  Connection connection() {
    return connection;
  }

  Admin admin() throws IOException {
    return connection.getAdmin();
  }

  /** The open region, wherever it is served. */
  HRegion region(RegionInfo region) throws Exception {
    for (long end = System.currentTimeMillis() + WAIT_MS;
        System.currentTimeMillis() < end;
        Thread.sleep(20)) {
      HRegion open =
          serverOf(region) == null ? null : serverOf(region).getRegion(region.getEncodedName());
      if (open != null && open.isAvailable()) {
        return open;
      }
    }
    throw new AssertionError("region is not open after " + WAIT_MS + " ms: " + region);
  }

  HRegionServer serverOf(RegionInfo region) {
    for (RegionServerThread thread : servers.getRegionServers()) {
      HRegionServer server = thread.getRegionServer();
      if (!server.isAborted()
          && !server.isStopped()
          && server.getRegion(region.getEncodedName()) != null) {
        return server;
      }
    }
    return null;
  }

  /**
   * The server dies without closing its regions; what it had not flushed is in its write-ahead log.
   * Another one takes its place.
   */
  void killServerOf(RegionInfo region) throws Exception {
    HRegionServer victim = serverOf(region);
    servers.addRegionServer().start();
    awaitServers(REGION_SERVERS + 1);
    victim.abort("killed by a test");
    awaitServers(REGION_SERVERS);
  }

  ServerName otherServer(RegionInfo region) throws IOException {
    ServerName here = serverOf(region).getServerName();
    return admin().getRegionServers().stream()
        .filter(server -> !server.equals(here))
        .findAny()
        .orElseThrow();
  }

  private void awaitServers(int count) throws Exception {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(WAIT_MS);
    while (admin().getRegionServers().size() != count) {
      if (System.nanoTime() > end) {
        throw new AssertionError(
            admin().getRegionServers().size() + " region servers, expected " + count);
      }
      Thread.sleep(50);
    }
  }
}
