/** The page for whoever looks at three in the morning. Put a guard with a login before it: it names files and versions. */
import { Controller, Get, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { Database } from 'safe-sqlite';
import { statusPage, type HtmlAnswer } from 'safe-sqlite/express';
import { InjectDatabase } from 'safe-sqlite/nest';

@Controller()
export class StatusController {
  private readonly page: () => HtmlAnswer;

  constructor(@InjectDatabase() db: Database) {
    // Here, and not at the first request: the charts begin when the service does.
    this.page = statusPage(db);
  }

  @Get('status')
  status(@Res() response: ServerResponse): void {
    const { status, headers, body } = this.page();
    response.writeHead(status, headers).end(body);
  }
}
