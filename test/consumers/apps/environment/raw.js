import { control } from './control.js';

control().then(facts => console.log(JSON.stringify(facts)));
