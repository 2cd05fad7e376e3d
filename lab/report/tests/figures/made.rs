//! Made-up output folders of an artifact.

use std::fs;
use std::path::PathBuf;

use lookahead_runs::Artifact;
use tempfile::TempDir;

use super::seal;

/// An output folder of an artifact named `figure`, with runs of one optimizer, a seed each.
pub struct Output {
    pub dir: TempDir,
}

impl Output {
    /// `kind` is what the artifact is drawn as: `curves`, `trace` or `plane`.
    pub fn new(kind: &str, seeds: u32) -> Self {
        Self::with_paper(kind, seeds, "{}")
    }

    /// The same with what the paper says, as JSON.
    pub fn with_paper(kind: &str, seeds: u32, paper: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runs: Vec<String> = (0..seeds).map(|seed| format!("\"run-{seed}\"")).collect();
        let artifact = format!(
            r#"{{"artifact": "figure", "scale": "small", "title": "A figure", "command": "lookahead run figure", "data": "made",
                "figure": "{kind}", "paper": {paper}, "groups": [{{"label": "Lookahead", "baseline": null, "tuning": "none", "runs": [{}]}}]}}"#,
            runs.join(", ")
        );
        fs::create_dir_all(dir.path().join("figure")).unwrap();
        let artifact: Artifact = serde_json::from_str(&artifact).unwrap();
        artifact.write(&dir.path().join("figure/artifact.json")).unwrap();
        for seed in 0..seeds {
            fs::create_dir_all(dir.path().join(format!("runs/run-{seed}"))).unwrap();
            fs::write(dir.path().join(format!("runs/run-{seed}/config.toml")), format!("seed = {seed}\n")).unwrap();
        }
        Self { dir }
    }

    /// The folder of the artifact.
    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("figure")
    }

    /// Writes a file into a run's folder.
    pub fn write(&self, seed: u32, file: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(format!("runs/run-{seed}")).join(file);
        fs::write(&path, text).unwrap();
        seal::again(path.parent().unwrap());
        path
    }

    /// The text of a file of the artifact.
    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder().join(file)).unwrap()
    }
}

/// Every element that opens also closes, in the right order; comments and void elements aside.
pub fn assert_balanced(markup: &str) {
    const VOID: [&str; 3] = ["!DOCTYPE", "meta", "br"];
    // Scripts compare with `<`.
    let without_scripts: String =
        markup.split("<script>").map(|part| part.split_once("</script>").map_or(part, |(_, rest)| rest)).collect();
    let mut open: Vec<&str> = Vec::new();
    for tag in without_scripts.split('<').skip(1) {
        let name = tag.split([' ', '>', '\n']).next().unwrap();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}
