// Package signals tests that docs/metrics.md and docs/logs.md list what the programs emit, and
// nothing else. Both are written from what is emitted (-update): metrics are defined where
// they are counted, and log lines where they are logged, with their meaning; there is no
// second list of either.
package signals
