/** A service in a container, with its database at a path that other containers have as well. */
import { obey, type Order } from './service.mts';

const order = JSON.parse(process.argv[2] ?? '{}') as Order;
console.log(JSON.stringify(await obey(order)));
