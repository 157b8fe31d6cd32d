package outcome

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/salvehq/salve/internal/forge"
)

func TestAdd(t *testing.T) {
	const bot = "salve[bot]"
	shop, other := forge.Repo{Owner: "acme", Name: "shop"}, forge.Repo{Owner: "acme", Name: "other"}
	made := func(repo forge.Repo, took float64, labels ...string) forge.PullRequest {
		p := pull(1, hours(took), append(labels, "bot/remedy/memory-limit")...)
		p.Repo, p.CreatedAt, p.Author = repo, start, bot
		return p
	}
	closed := func(by string, labels ...string) forge.PullRequest {
		p := made(shop, 1, labels...)
		p.Merged, p.ClosedBy = false, by
		return p
	}
	open := closed("")
	open.Open = true
	stranger := made(shop, 1)
	stranger.Body = "no marker"
	pulls := []forge.PullRequest{
		made(shop, 5, "bot/effective"), made(shop, 1, "bot/ineffective", "bot/regression"), made(other, 3, "cost-effective"), stranger,
		closed("maria"), closed("maria", "bot/problem-closed"), closed(bot, "bot/problem-closed"), closed(bot), open,
	}
	all := Sum{Remedy: "memory-limit", Opened: 8, Open: 1, Merged: 3, Declined: 3, Quiet: 1, Effective: 1, Ineffective: 1, Undecided: 1, Regressions: 1, ToMerge: hours(3).Sub(start)}
	if diff := cmp.Diff([]Sum{all}, Add(pulls, false), cmpopts.IgnoreUnexported(Sum{})); diff != "" {
		t.Error(diff)
	}
	each := Add(pulls, true)
	if len(each) != 2 || each[0].Repo != other || each[0].Undecided != 1 || each[1].Opened != 7 {
		t.Errorf("per repository: %+v", each)
	}
}
