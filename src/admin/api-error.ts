/** Every way the admin API refuses, as JSON `{code, message, fix}`. */

const STATUS = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  HOST_REFUSED: 403,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  NOT_CONNECTED: 409,
  LAST_BROKER: 409,
  BEYOND_LOG: 410,
  INTERNAL: 500,
  STARTING: 503,
  AUDIT_UNAVAILABLE: 503,
  TOO_MANY_READS: 503,
  TOO_MANY_TAILS: 503,
  TOO_SLOW: 504,
} as const;

export type ApiErrorCode = keyof typeof STATUS;

export interface ApiErrorBody {
  readonly code: ApiErrorCode;
  readonly message: string;
  readonly fix: string;
}

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ApiErrorCode;
  readonly fix: string;

  constructor(code: ApiErrorCode, message: string, fix: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.fix = fix;
  }

  get status(): number {
    return STATUS[this.code];
  }

  get body(): ApiErrorBody {
    return { code: this.code, message: this.message, fix: this.fix };
  }
}

export const apiErrorSchema = {
  type: 'object',
  required: ['code', 'message', 'fix'],
  properties: {
    code: { type: 'string', enum: Object.keys(STATUS) },
    message: { type: 'string', description: 'What was wrong.' },
    fix: { type: 'string', description: 'What to do.' },
  },
} as const;
