/** The program that is recorded: one script, one phase, then it ends. */
import { ownPart, playPart } from './play.mts';
import { scriptNamed } from './scripts.mts';

const part = ownPart();
await playPart(scriptNamed(part.script), part);
