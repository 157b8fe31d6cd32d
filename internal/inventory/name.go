package inventory

import "iter"

// Names yields the namespace and the name of whatever [Repository.Find] may
// return when it is asked for a namespace, some of them more than once. The
// namespace is empty where no file says it: such a workload fits any.
func (r *Repository) Names() iter.Seq2[string, string] {
	return func(yield func(namespace, name string) bool) {
		for name, all := range r.byName {
			for _, i := range all {
				if !yield(i.namespace, name) {
					return
				}
			}
		}
		for _, i := range r.installs {
			if !yield(i.namespace, i.name) {
				return
			}
			if i.template == nil && !yield(i.namespace, i.release.Name+"-"+i.release.ChartName) {
				return
			}
		}
	}
}
