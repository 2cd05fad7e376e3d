//! Several hosts: two network namespaces with a link of 1 Gbit/s between them, and a script in the place of ssh. Skipped, with a
//! message, where namespaces are not to be had.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::launch::{FAULT, FOLDER, Run, timed, works};
use crate::rank::DEADLINE;

pub fn check() {
    let Some(hosts) = Hosts::new() else {
        return println!(
            "not tested: several hosts, because network namespaces and a shaped link are not to be had (root, iproute2)"
        );
    };
    timed("the laws on two hosts", || {
        let ended = hosts.run("laws").finish();
        assert_eq!(ended.code, Some(0), "{}", ended.said);
    });
    timed("a link that is cut", || a_cut_link(&hosts));
}

fn a_cut_link(hosts: &Hosts) {
    let folder = tempfile::tempdir().unwrap();
    let started = hosts.run("train").set(FOLDER, folder.path()).set(FAULT, "wait 1 23").start();
    while !folder.path().join("fault").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let cut = SystemTime::now();
    hosts.set_link("down");
    let ended = started.finish();
    let took = ended.at.duration_since(cut).unwrap();
    println!("  ended after {:.2} s with {:?}", took.as_secs_f64(), ended.code);
    assert!(took <= DEADLINE + Duration::from_secs(5) && ended.code != Some(0), "{took:?}: {}", ended.said);
    hosts.set_link("up");
    assert_eq!(hosts.run("train").set(FOLDER, folder.path()).finish().code, Some(0));
    let undisturbed = tempfile::tempdir().unwrap();
    assert_eq!(hosts.run("train").set(FOLDER, undisturbed.path()).finish().code, Some(0));
    for name in ["bits-0", "bits-1"] {
        let read = |folder: &tempfile::TempDir| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read(&folder), read(&undisturbed));
    }
}

/// Two namespaces, `names`, with the addresses 10.77.0.1 and 10.77.0.2; gone when it is dropped.
struct Hosts {
    names: [String; 2],
    links: [String; 2],
    agent: tempfile::TempDir,
}

impl Hosts {
    fn new() -> Option<Self> {
        let id = std::process::id();
        let names = [1, 2].map(|host| format!("lookahead-{id}-{host}"));
        let links = [1, 2].map(|host| format!("l{id}-{host}"));
        let hosts = Self { names, links, agent: tempfile::tempdir().ok()? };
        let agent = hosts.agent();
        fs::write(&agent, format!("#!/bin/sh\nshift\nexec ip netns exec {} sh -c \"$*\"\n", hosts.names[1])).ok()?;
        fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).ok()?;
        hosts.lay_link().then_some(hosts)
    }

    fn agent(&self) -> String {
        self.agent.path().join("agent").display().to_string()
    }

    fn lay_link(&self) -> bool {
        let ([first, second], [here, there]) = (&self.names, &self.links);
        let made = words("ip", &format!("netns add {first}"))
            && words("ip", &format!("netns add {second}"))
            && words("ip", &format!("link add {here} netns {first} type veth peer name {there} netns {second}"));
        made && self.names.iter().zip(&self.links).zip(1..).all(|((name, link), host)| {
            words("ip", &format!("-n {name} link set lo up"))
                && words("ip", &format!("-n {name} addr add 10.77.0.{host}/24 dev {link}"))
                && words("ip", &format!("-n {name} link set {link} up"))
                && words("tc", &format!("-n {name} qdisc add dev {link} root tbf rate 1gbit burst 128kb latency 10ms"))
        })
    }

    fn set_link(&self, state: &str) {
        assert!(words("ip", &format!("-n {} link set {} {state}", self.names[0], self.links[0])));
    }

    /// One rank on each.
    fn run(&self, task: &str) -> Run {
        let mut launcher = Command::new("ip");
        launcher.args(["netns", "exec", &self.names[0], "mpirun"]);
        let agent = self.agent();
        let link = "10.77.0.0/24";
        let arguments = [
            ["--mca", "plm_rsh_agent", &agent],
            ["--mca", "btl", "self,tcp"],
            ["--mca", "btl_tcp_if_include", link],
            ["--mca", "oob_tcp_if_include", link],
            // how mpirun and its daemons notice a cut link: within less than the deadline, or mpirun waits for a dead daemon
            ["--mca", "oob_tcp_keepalive_time", "1"],
            ["--mca", "oob_tcp_keepalive_intvl", "1"],
            ["--mca", "oob_tcp_keepalive_probes", "1"],
        ];
        let hosts = ["-H", "10.77.0.1,10.77.0.2", "-n", "2"];
        Run::with(launcher, &[arguments.as_flattened(), &hosts].concat(), task)
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in &self.names {
            works("ip", &["netns", "del", name]);
        }
    }
}

fn words(program: &str, line: &str) -> bool {
    works(program, &line.split(' ').collect::<Vec<_>>())
}
