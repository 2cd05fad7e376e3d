//! `lookahead devices`, as JSON and as a table.

use serde_json::Value;

use super::support::{Bench, stdout};

#[test]
fn the_processor_is_listed_with_its_precisions_and_memory() {
    let bench = Bench::new("");
    let devices: Value = serde_json::from_str(&stdout(&bench.run(&["devices", "--json"]))).unwrap();
    assert_eq!(devices[0]["name"], "cpu");
    assert_eq!(devices[0]["built"], true);
    assert_eq!(
        (&devices[0]["found"][0]["device"], &devices[0]["found"][0]["software"]),
        (&"cpu".into(), &false.into())
    );
    assert_eq!(devices[0]["found"][0]["precisions"], serde_json::json!(["f64", "f32", "f16", "bf16"]));
    let memory = &devices[0]["found"][0]["memory"];
    assert_eq!((&memory[0]["what"], &memory[1]["what"]), (&"total".into(), &"available".into()));
    assert!(memory[0]["bytes"].as_u64() >= memory[1]["bytes"].as_u64(), "{memory}");
    let table = stdout(&bench.run(&["devices"]));
    assert!(table.contains("bf16") && table.contains("total") && table.contains("GiB, available"), "{table}");
}
