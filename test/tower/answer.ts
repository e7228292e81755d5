/** What a server answered, read whole: JSON as it was meant, a page as text. */
export interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  readonly body: any;
}

export async function answerOf(answered: Response | Promise<Response>): Promise<Answer> {
  const response = await answered;
  const text = await response.text();
  const type = response.headers.get('content-type');
  return {
    status: response.status,
    type,
    headers: response.headers,
    text,
    body: type?.includes('json') ? JSON.parse(text) : text,
  };
}
