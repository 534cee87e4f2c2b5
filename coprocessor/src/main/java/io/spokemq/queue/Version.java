package io.spokemq.queue;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;

/** Which release of the endpoint this is: the version of the Maven project it was built from. */
final class Version {
  private static final String RESOURCE = "version.properties";

  private Version() {}

  static String ofEndpoint() throws IOException {
    Properties properties = new Properties();
    try (InputStream resource = Version.class.getResourceAsStream(RESOURCE)) {
      properties.load(resource);
    }
    return properties.getProperty("version");
  }
}
