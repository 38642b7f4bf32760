/** Answers what the database threw with the status that fits: 409 for a key that exists, 503 while it is busy. */
import { Catch, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { answerForError, type HttpResponse } from 'safe-sqlite/express';

@Catch()
export class DatabaseErrors extends BaseExceptionFilter {
  override catch(error: unknown, host: ArgumentsHost): void {
    const answer = answerForError(error);
    if (answer === null) return super.catch(error, host);
    const response = host.switchToHttp().getResponse<HttpResponse & { json(body: unknown): void }>();
    for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
    response.statusCode = answer.status;
    response.json(answer.body);
  }
}
