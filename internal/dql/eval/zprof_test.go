package eval_test
import ("testing";"os";"context";"time";"github.com/salvehq/salve/internal/dql";"github.com/salvehq/salve/internal/dql/eval")
func BenchmarkZ(b *testing.B){
 text,_:=os.ReadFile(os.Getenv("QF"))
 for b.Loop(){
 s,err:=eval.OpenRecords("/tmp/bench/p300.jsonl"); if err!=nil{b.Fatal(err)}
 e:=&eval.Engine{Source:s,Now:time.Date(2026,3,1,0,0,0,0,time.UTC)}
 r,err:=e.Query(context.Background(),dql.Query{Text:string(text)}); if err!=nil{b.Fatal(err)}
 _ = r
 }
}
