//! The main job: Lookahead beside its inner optimizers on the UCI digits, three seeds each, differences paired.

use std::num::NonZeroU32;

use serde::Deserialize;

use super::{Entry, Request, Scale};
use crate::Error;
use crate::config::{ConfigError, RunConfig};
use crate::report::{Artifact, Figure, Group, Paper};

/// The entry of `lookahead list`.
pub const ENTRY: Entry = Entry {
    name: "quickstart",
    shows: "SGD, AdamW, Lookahead around each, Polyak(SGD) on real digits",
    needs: "nothing: the data is embedded; seconds on 2 cores",
    recorded: "records/quickstart",
};

/// The names of the files that describe the artifact, for errors.
const GROUPS_FILE: &str = "experiments/quickstart/groups.toml";
const RUN_FILE: &str = "experiments/quickstart/config.toml";
const GROUPS: &str = include_str!("../../experiments/quickstart/groups.toml");
const RUN: &str = include_str!("../../experiments/quickstart/config.toml");

/// How many epochs of the configured ones a smoke run does, and with how many seeds.
const SMOKE_EPOCHS: NonZeroU32 = NonZeroU32::new(2).unwrap();
const SMOKE_SEEDS: u32 = 2;

/// What the artifact compares or says of itself; overriding it would make the report untrue.
const COMPARED: [&str; 4] = ["seed", "optimizer", "schedule.learning_rate", "data"];

/// Seeds of the tuning runs start here, so that no result is of a seed that was tuned on.
const TUNING_SEEDS: u64 = 1000;

/// The optimizers compared.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Groups {
    seeds: u32,
    tuning_seeds: u32,
    group: Vec<GroupConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupConfig {
    baseline: Option<String>,
    /// The learning rates that were tried.
    learning_rates: Vec<f64>,
    /// The one of them that the tuning chose.
    learning_rate: f64,
    /// Overrides that make the group's optimizer of the common configuration.
    set: Vec<String>,
}

/// Runs to be done, in order, and the artifact that lists them.
#[derive(Debug)]
pub struct Plan {
    /// What the report reads.
    pub artifact: Artifact,
    /// The configuration of every run, group by group.
    pub runs: Vec<RunConfig>,
}

/// The comparison: every optimizer with its tuned learning rate, the same seeds for all.
///
/// # Errors
/// [`Error::Config`] for a wrong override.
pub fn plan(request: &Request) -> Result<Plan, Error> {
    let groups = read_groups()?;
    let seeds = match (request.seeds, request.scale) {
        (Some(seeds), _) => seeds.get(),
        (None, Scale::Smoke) => SMOKE_SEEDS,
        (None, Scale::Small | Scale::Paper) => groups.seeds,
    };
    let mut plan =
        Plan { artifact: artifact(request, "quickstart", "Lookahead beside its inner optimizers"), runs: vec![] };
    for group in &groups.group {
        let configs = configs(request, group, group.learning_rate, 0..u64::from(seeds))?;
        let rates = group.learning_rates.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
        let tuning = format!(
            "learning rate {} chosen among {{{rates}}} by the mean final validation loss over {} other seeds",
            group.learning_rate, groups.tuning_seeds
        );
        plan.add(label(&configs), group.baseline.clone(), tuning, configs);
    }
    Ok(plan)
}

/// The tuning: every optimizer with every learning rate of its grid, on seeds of its own.
///
/// # Errors
/// [`Error::Config`] for a wrong override.
pub fn tuning_plan(request: &Request) -> Result<Plan, Error> {
    let groups = read_groups()?;
    let seeds = request.seeds.map_or(groups.tuning_seeds, NonZeroU32::get);
    let artifact = artifact(request, "quickstart_tuning", "The learning rates of the quickstart");
    let mut plan = Plan { artifact, runs: vec![] };
    for group in &groups.group {
        for &rate in &group.learning_rates {
            let configs = configs(request, group, rate, TUNING_SEEDS..TUNING_SEEDS + u64::from(seeds))?;
            let label = format!("{}, {rate}", label(&configs));
            plan.add(label, None, "one point of the grid".to_owned(), configs);
        }
    }
    Ok(plan)
}

impl Plan {
    fn add(&mut self, label: String, baseline: Option<String>, tuning: String, configs: Vec<RunConfig>) {
        let runs = configs.iter().map(RunConfig::id).collect();
        self.artifact.groups.push(Group { label, baseline, tuning, runs, panel: String::new(), candidates: vec![] });
        self.runs.extend(configs);
    }
}

fn label(configs: &[RunConfig]) -> String {
    configs.first().map(|config| config.optimizer.label()).unwrap_or_default()
}

fn configs(
    request: &Request,
    group: &GroupConfig,
    learning_rate: f64,
    seeds: impl Iterator<Item = u64>,
) -> Result<Vec<RunConfig>, Error> {
    if request.scale == Scale::Paper {
        let (option, reason) = ("--scale paper", "it is no experiment of the paper; accepted: smoke, small");
        return Err(ConfigError::OptionNotTaken { artifact: ENTRY.name, option, reason }.into());
    }
    let mut config = RunConfig::parse(RUN, RUN_FILE)?;
    for text in &group.set {
        config.set(text)?;
    }
    config.schedule.learning_rate = learning_rate;
    if request.scale == Scale::Smoke {
        config.epochs = SMOKE_EPOCHS;
    }
    for text in &request.overrides {
        let key = text.split('=').next().unwrap_or_default().trim();
        if let Some(&fixed) = COMPARED.iter().find(|&&fixed| key == fixed || key.starts_with(&format!("{fixed}."))) {
            return Err(ConfigError::FixedKey { text: text.clone(), key: fixed.to_owned() }.into());
        }
        config.set(text)?;
    }
    Ok(seeds.map(|seed| RunConfig { seed, ..config.clone() }).collect())
}

fn read_groups() -> Result<Groups, Error> {
    toml::from_str(GROUPS).map_err(|error| {
        let place = crate::config::Place::File { file: GROUPS_FILE.to_owned(), line: 1, column: 1 };
        ConfigError::Syntax { place, message: error.to_string() }.into()
    })
}

fn artifact(request: &Request, name: &str, title: &str) -> Artifact {
    let mut notes = vec![
        "No experiment of the paper: a first look, on small real data, at what the paper compares on large.".to_owned(),
        "A seed gives every optimizer the same initial weights and the same order of the data; differences are paired \
         by seed."
            .to_owned(),
        "Losses and accuracies are of the slow weights (Lookahead) or the average (Polyak); a partial cycle at the end \
         is closed by a sync before the last evaluation."
            .to_owned(),
    ];
    if request.scale == Scale::Smoke {
        notes.push(format!("Scale smoke: {SMOKE_EPOCHS} epochs only, to see that everything works; no result."));
    }
    if !request.overrides.is_empty() {
        notes.push(format!("Changed on the command line: {}.", request.overrides.join(", ")));
    }
    Artifact {
        artifact: name.to_owned(),
        scale: request.scale.name().to_owned(),
        title: title.to_owned(),
        command: request.command.clone(),
        data: "UCI Optical Recognition of Handwritten Digits (Alpaydin and Kaynak, CC BY 4.0): 1,442 training and 355 \
               validation images of 8x8, 10 classes"
            .to_owned(),
        notes,
        figure: Figure::default(),
        paper: Paper::default(),
        groups: vec![],
    }
}
