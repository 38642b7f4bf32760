/** The program that is killed at one of its system calls: one script, one phase. */
import { ownPart, playPart } from '../power/boundaries/play.mts';
import { killScriptNamed } from './scripts.mts';

const part = ownPart();
await playPart(killScriptNamed(part.script), part);
