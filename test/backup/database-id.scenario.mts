/** The program of the tests of the id of a database: processes that establish it while their calls are held or fail. */
import { establishDatabaseId } from '../../dist/backup/database-id.js';
import { serve } from '../support/fault-scenario.mts';

serve({ establish: (file: string) => establishDatabaseId(file, []) });
