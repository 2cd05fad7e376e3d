//! What a run was done with: the first entry stays, and what was another one since is listed, each once.

use std::collections::BTreeMap;

use lookahead_runs::files::{read_sealed, write_sealed};
use lookahead_training::run::folder;
use serde_json::{Value, json};

use crate::run::{config, train};

#[test]
fn what_differs_in_each_continuation_is_listed() {
    let config = config(
        "epochs = 1\nbatch_size = 8\n\
         data = { name = 'made', channels = 1, height = 4, width = 4, classes = 3, train = 96, valid = 32 }\n\
         model = { name = 'mlp', hidden = [4] }\nschedule.learning_rate = 0.1\noptimizer.name = 'sgd'\n",
    );
    let out = tempfile::tempdir().unwrap();
    let path = folder(out.path(), &config).join("environment.json");
    train(&config, out.path(), Some(1)).unwrap_err();
    let mut environment: BTreeMap<String, Value> = read_sealed(&path).unwrap();
    let version = environment["version"].clone();
    assert!(!environment.keys().any(|key| key.ends_with(", continued")));

    // Begun by another version, gone on with by a third, as this and as earlier builds tell of it.
    for third in [json!(["0.0.2"]), json!("0.0.2")] {
        environment.insert("version".to_owned(), json!("0.0.1"));
        environment.insert("version, continued".to_owned(), third);
        write_sealed(&path, &environment).unwrap();
        for until in [2, 3] {
            train(&config, out.path(), Some(until)).ok();
            let found: BTreeMap<String, Value> = read_sealed(&path).unwrap();
            assert_eq!(
                [&found["version"], &found["version, continued"]],
                [&json!("0.0.1"), &json!(["0.0.2", version])]
            );
        }
    }
}
