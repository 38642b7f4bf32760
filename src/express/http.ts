/**
 * Declares the part of a response that this folder uses: Node's own, and so Express 4 and 5, Connect and `reply.raw` of
 * Fastify.
 */

export interface HttpResponse {
  statusCode: number;
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
  removeHeader(name: string): void;
  end(body?: string): unknown;
}

/** The answer to a request, independent of any framework. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Plain data for `JSON.stringify`. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** A page, independent of any framework. */
export interface HtmlAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Headers of a body which a handler had begun to prepare: they would be wrong for this one. */
const headersOfAnotherBody = [
  'accept-ranges',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'etag',
  'last-modified',
  'transfer-encoding',
];

export function send(response: HttpResponse, { status, headers, body }: HttpAnswer): void {
  const json = { ...headers, 'content-type': 'application/json; charset=utf-8' };
  sendHtml(response, { status, headers: json, body: JSON.stringify(body) });
}

export function sendHtml(response: HttpResponse, { status, headers, body }: HtmlAnswer): void {
  for (const name of headersOfAnotherBody) response.removeHeader(name);
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end(body);
}
