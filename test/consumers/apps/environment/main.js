import { exercise } from './exercise.js';

exercise().then(facts => console.log(JSON.stringify(facts)));
