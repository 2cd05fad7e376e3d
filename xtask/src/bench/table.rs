//! The results as Markdown.

use std::fmt::Write;

use serde_json::Value;

/// A summary, then one table for each parameter set and inner optimizer.
pub fn markdown(results: &[Value]) -> String {
    let mut text = summary(results);
    for result in results {
        let millions = result["params"].as_f64().unwrap_or_default() / 1e6;
        let (set, inner) = (text_of(&result["set"]), text_of(&result["inner"]));
        let _ = writeln!(text, "## {set} ({millions:.2} M parameters), {inner}\n");
        let _ = writeln!(
            text,
            "| worker | variant | ms a step (least, median, greatest) | of the floor | Lookahead in its cycle |"
        );
        let _ = writeln!(text, "|---|---|---|---|---|");
        for row in result["measured"].as_array().into_iter().flatten() {
            let variant = text_of(&row["variant"]);
            let [least, median, greatest] = ["least", "median", "greatest"].map(|field| row["ms"][field].as_f64());
            let of_floor = floor(result, variant).zip(median).map(|(floor, ms)| format!("{:.2}", ms / floor));
            let cycle = synced(variant).then(|| format!("{:.3}", row["ratio_in_cycle"].as_f64().unwrap_or(f64::NAN)));
            let ms = [least, median, greatest].map(|ms| format!("{:.3}", ms.unwrap_or(f64::NAN))).join(", ");
            let (worker, none) = (text_of(&row["worker"]), || "".to_owned());
            let (of_floor, cycle) = (of_floor.unwrap_or_else(none), cycle.unwrap_or_else(none));
            let _ = writeln!(text, "| {worker} | {variant} | {ms} | {of_floor} | {cycle} |");
        }
        let bytes = |variant: &str, kind: &str| result["memory"][variant][kind].as_f64().unwrap_or(f64::NAN);
        let _ = writeln!(
            text,
            "\nMemory of Lookahead beyond its inner optimizer, bytes a parameter: {:.2} (peak {:.2}), with bf16 slow weights {:.2} (peak {:.2}).\n",
            bytes("la_fused", "state"),
            bytes("la_fused", "peak"),
            bytes("la_bf16", "state"),
            bytes("la_bf16", "peak"),
        );
    }
    text
}

/// The comparisons that matter, by medians.
fn summary(results: &[Value]) -> String {
    let mut text = String::from(
        "| parameters, inner optimizer | inner, ms | inner / floor | Lookahead / floor | Lookahead in its cycle | Burn: inner / floor | Burn: Lookahead / floor | SNOO / floor | Burn: SNOO / floor | PyTorch's Lookahead / ours | optax's Lookahead / ours |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for result in results {
        let ms = |worker: &str, variant: &str| row(result, worker, variant)?["ms"]["median"].as_f64();
        let ratio = |above: Option<f64>, below: Option<f64>, digits: usize| {
            above.zip(below).map_or("".to_owned(), |(above, below)| format!("{:.digits$}", above / below))
        };
        let cycle = row(result, "ours", "la_fused").and_then(|row| row["ratio_in_cycle"].as_f64());
        let cells = [
            format!("{}, {}", text_of(&result["set"]), text_of(&result["inner"])),
            ms("ours", "inner").map_or("".to_owned(), |ms| format!("{ms:.3}")),
            ratio(ms("ours", "inner"), ms("floor", "inner"), 2),
            ratio(ms("ours", "la_fused"), ms("floor", "la_fused"), 2),
            cycle.map_or("".to_owned(), |cycle| format!("{cycle:.3}")),
            ratio(ms("ours", "burn_inner"), ms("floor", "inner"), 2),
            ratio(ms("ours", "burn_la_fused"), ms("floor", "la_fused"), 2),
            ratio(ms("ours", "snoo"), ms("floor", "snoo"), 2),
            ratio(ms("ours", "burn_snoo"), ms("floor", "snoo"), 2),
            ratio(ms("torch", "la_kozistr"), ms("ours", "la_fused"), 2),
            ratio(ms("optax", "la_optax"), ms("ours", "la_fused"), 1),
        ];
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text.push('\n');
    text
}

fn row<'a>(result: &'a Value, worker: &str, variant: &str) -> Option<&'a Value> {
    result["measured"].as_array()?.iter().find(|row| row["worker"] == worker && row["variant"] == variant)
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn synced(variant: &str) -> bool {
    variant.split('_').any(|part| part == "la" || part == "snoo")
}

/// The floor's median: its inner step, or its step with the sync fused.
fn floor(result: &Value, variant: &str) -> Option<f64> {
    let wanted = match variant {
        "snoo" | "burn_snoo" => "snoo",
        _ if synced(variant) => "la_fused",
        _ => "inner",
    };
    row(result, "floor", wanted)?["ms"]["median"].as_f64()
}
