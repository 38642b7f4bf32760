// The table at the head of a page of measurements: where and when they were taken.

/**
 * @param {{ cpu: string, cores: number, memoryGiB: number, system: string, filesystem: string, node: string, sqlite: string }} machine as bench/machine.mts describes it
 * @param {string} taken
 */
export function machineTable(machine, taken) {
  return `| | |
| --- | --- |
| Processor | ${machine.cpu}, ${machine.cores} cores |
| Memory | ${machine.memoryGiB} GiB |
| System | ${machine.system}, ${machine.filesystem} |
| Versions | Node ${machine.node.slice(1)}, SQLite ${machine.sqlite} |
| Taken | ${taken} |`;
}
