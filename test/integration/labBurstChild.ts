import {createInterface} from 'node:readline';

// Fixed work on one thread: a line with a number of units in, a line out when they are done.

let keep = 0;
function work(units: number): void {
  for (let unit = 0; unit < units; unit += 1) {
    for (let step = 0; step < 1000; step += 1) keep = (keep * 31 + step) | 0;
  }
}

for (let round = 0; round < 50; round += 1) work(500);
console.log('ready');
createInterface({input: process.stdin}).on('line', line => {
  work(Number(line));
  // Printed, lest the work be optimised away.
  console.log(`done ${keep}`);
});
