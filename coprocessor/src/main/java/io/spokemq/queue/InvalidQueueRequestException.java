package io.spokemq.queue;

import org.apache.hadoop.hbase.DoNotRetryIOException;

/**
 * A call that this region can never answer, however often it is repeated: the message says which
 * field, what is wrong with it, and what to do.
 */
public final class InvalidQueueRequestException extends DoNotRetryIOException {
  private static final long serialVersionUID = 1L;

  /** HBase makes the exception anew from its message on the other side. */
  public InvalidQueueRequestException(String message) {
    super(message);
  }

  /** `format` as of {@link String#format}. */
  static InvalidQueueRequestException of(String format, Object... arguments) {
    return new InvalidQueueRequestException(String.format(format, arguments));
  }
}
