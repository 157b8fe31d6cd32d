package policy

// Organisation is the name of the repository whose file may count for all others
// of its owner.
// https://docs.github.com/en/communities/setting-up-your-project-for-healthy-contributions/creating-a-default-community-health-file
const Organisation = ".github"

// For returns what c, as the file of the repository [Organisation], says for
// another repository of the same owner that has no file of its own: nil unless
// repositories: names it. Services are of the repository that they stand in, so
// they do not come along.
func (c *Config) For(repository string) *Config {
	if c == nil || !matchAny(c.Repositories, repository) {
		return nil
	}
	out := *c
	out.Services, out.Repositories = nil, nil
	return &out
}
