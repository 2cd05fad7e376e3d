#!/bin/sh
# Makes the numbers of this record, from the root of the repository: two ranks on one machine, then on two hosts that are network
# namespaces with a link of 1 Gbit/s between them (root, iproute2).
set -eu
out=records/workers_communication
target="${CARGO_TARGET_DIR:-target}"
cargo build --release -p lookahead-mpi --features mpi --example communication --example scaling
program="$target/release/examples/communication"
mpirun="mpirun --allow-run-as-root --oversubscribe"

$mpirun -n 2 "$program" reduce 25 0 $out/machine_reduce.json
$mpirun -n 1 "$program" pause 2.5 50 $out/alone_pause.json
$mpirun -n 4 "$program" reduce 25 0 $out/machine_reduce_4.json

agent=$(mktemp)
trap 'rm -f "$agent"; ip netns del lookahead1; ip netns del lookahead2' EXIT
printf '#!/bin/sh\nshift\nexec ip netns exec lookahead2 sh -c "$*"\n' > "$agent"
chmod +x "$agent"
ip netns add lookahead1
ip netns add lookahead2
ip link add link1 netns lookahead1 type veth peer name link2 netns lookahead2
for host in 1 2; do
    ip -n lookahead$host link set lo up
    ip -n lookahead$host addr add 10.77.0.$host/24 dev link$host
    ip -n lookahead$host link set link$host up
    tc -n lookahead$host qdisc add dev link$host root tbf rate 1gbit burst 128kb latency 10ms
done
hosts="ip netns exec lookahead1 $mpirun --mca plm_rsh_agent $agent --mca btl self,tcp \
    --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 -H 10.77.0.1,10.77.0.2 -n 2"
$hosts "$program" reduce 2.5 0 $out/link_reduce.json
$hosts "$program" pause 2.5 50 $out/link_pause.json
$hosts "$program" busy 2.5 50 $out/link_busy.json

"$target/release/examples/scaling" $out
