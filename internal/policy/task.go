package policy

import (
	"fmt"
	"slices"
	"strconv"
)

// taskSizes are the amounts of memory, in MiB, that a task on AWS Fargate may
// have with its CPU units: from, to and step.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
var taskSizes = map[int64][3]int64{
	512: {1024, 4096, 1024}, 1024: {2048, 8192, 1024}, 2048: {4096, 16384, 1024},
	4096: {8192, 30720, 1024}, 8192: {16384, 61440, 4096}, 16384: {32768, 122880, 8192},
}

// taskMemory returns the amounts of memory that go with CPU units, ascending.
func taskMemory(cpu int64) []int64 {
	if cpu == 256 {
		return []int64{512, 1024, 2048}
	}
	var out []int64
	size := taskSizes[cpu]
	for n := size[0]; size[2] > 0 && n <= size[1]; n += size[2] {
		out = append(out, n)
	}
	return out
}

// nextTask returns the least amount of memory that is a quarter more, at most
// twice as much, and goes with the CPU of the task.
func nextTask(text string, r Rule, b Bounds) (Adjustment, Reason) {
	from, err := parseCount(text)
	if err != nil || from == 0 {
		return Adjustment{}, reasonf(NotParseable, "%q is no amount of memory in MiB", text)
	}
	cpu, err := parseCount(b.Beside.Value)
	sizes := taskMemory(cpu)
	if err != nil || len(sizes) == 0 {
		return Adjustment{}, reasonf(NotParseable, "%s is %q, which is no CPU of a task on Fargate: 256, 512, 1024, … 16384", b.Beside.Source, b.Beside.Value)
	}
	factor := orStep(r, 1.25)
	want := times(from, factor)
	i := slices.IndexFunc(sizes, func(n int64) bool { return n >= want })
	switch {
	case i < 0 && from >= sizes[len(sizes)-1]:
		return Adjustment{}, reasonf(LargestSize, "%d MiB is the most that a task with %d CPU units may have (%s)", sizes[len(sizes)-1], cpu, b.Beside.Source)
	case i < 0:
		i = len(sizes) - 1
	}
	to := sizes[i]
	if to > from*MaxFactor {
		return Adjustment{}, reasonf(StepTooLarge, "the next size with %d CPU units is %d MiB, more than ×%d in one step: a person should decide", cpu, to, MaxFactor)
	}
	m, _ := measureOf(Count)
	held, rule, why := m.hold(text, from, to, fmt.Sprintf("%s, as a task with %d CPU units may have", factorText(factor), cpu), r, b)
	switch {
	case !why.None():
		return Adjustment{}, why
	case !slices.Contains(sizes, held):
		return Adjustment{}, reasonf(AtCeiling, "%s stays: the next size is %d MiB (%s)", text, to, rule)
	}
	return Adjustment{From: text, To: strconv.FormatInt(held, 10), Rule: rule}, Reason{}
}
