/** Moments in file names: `20261121T134501007Z`, which sort as they happened. */

/** UTC, so that no clock change of a time zone makes two names equal or lets them run backwards. */
export function stampOf(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[-:.]/g, '');
}

/** The moment of a stamp, in milliseconds since 1970; `null` when it is none. */
export function momentOf(stamp: string): number | null {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/.exec(stamp);
  if (parts === null) return null;
  const [, year, month, day, hour, minute, second, millisecond] = parts;
  const moment = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${millisecond}Z`);
  // Date.parse carries the 31st of a shorter month over into the next one.
  return Number.isNaN(moment) || stampOf(moment) !== stamp ? null : moment;
}
