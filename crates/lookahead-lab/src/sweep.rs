//! A sweep: panels, groups, grids and seeds made into runs, and the artifact that lists them.

mod jobs;

pub use self::jobs::{Follow, Job, do_runs};

use crate::Error;
use crate::config::{ConfigError, GroupConfig, PanelConfig, RunConfig, ScaleConfig, SweepConfig};
use crate::paper::{Request, Scale};
use crate::report::{Artifact, Candidate, Group, Paper};

/// Seeds of the tuning start here, so that no result is of a seed that was tuned on.
const TUNING_SEEDS: u64 = 1000;

/// Runs to be done, in order, and the artifact that lists them.
#[derive(Debug)]
pub struct Plan {
    /// What the report reads.
    pub artifact: Artifact,
    /// Every run once.
    pub runs: Vec<PlannedRun>,
}

/// One run of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedRun {
    /// What it is, for people.
    pub label: String,
    /// Its configuration.
    pub config: RunConfig,
}

/// A sweep by its name.
#[derive(Debug)]
pub struct Sweep {
    /// The artifact's name.
    pub name: String,
    /// The description.
    pub config: SweepConfig,
    /// What the paper says.
    pub paper: Paper,
}

impl Sweep {
    /// The runs that a request asks for: every group of every panel with every seed, and every point of a grid where the
    /// scale searches it.
    ///
    /// # Errors
    /// [`Error::NoScale`]; [`Error::Config`] for a wrong override.
    pub fn plan(&self, request: &Request) -> Result<Plan, Error> {
        let scale = self.scale(request)?;
        let seeds = 0..u64::from(request.seeds.unwrap_or(scale.seeds).get());
        let mut plan = Plan { artifact: self.artifact(request, scale), runs: vec![] };
        for (panel, group) in self.groups(scale) {
            let point = point_at(group, scale.scale);
            let mut entry = entry(panel, group, &point);
            if scale.grids && !group.grid.is_empty() {
                for point in points(&group.grid) {
                    let config = self.config(request, scale, panel, group, &point)?;
                    let runs = plan.add(&entry, &config, seeds.clone());
                    entry.candidates.push(Candidate { label: in_words(&point), runs });
                }
            } else {
                let config = self.config(request, scale, panel, group, &point)?;
                entry.runs = plan.add(&entry, &config, seeds.clone());
            }
            plan.artifact.groups.push(entry);
        }
        Ok(plan)
    }

    /// The tuning: every point of every grid, on seeds of its own.
    ///
    /// # Errors
    /// [`Error::NoScale`]; [`Error::Config`] for a wrong override, or where there is no grid.
    pub fn tuning_plan(&self, request: &Request) -> Result<Plan, Error> {
        let scale = self.scale(request)?;
        let seeds = request.seeds.unwrap_or(self.config.tuning_seeds).get();
        let mut plan = Plan { artifact: self.artifact(request, scale), runs: vec![] };
        plan.artifact.artifact = format!("{}_tuning", self.name);
        plan.artifact.title = format!("The grids of: {}", self.config.title);
        plan.artifact.paper = Paper::default();
        for (panel, group) in self.groups(scale).filter(|(_, group)| !group.grid.is_empty()) {
            for point in points(&group.grid) {
                let config = self.config(request, scale, panel, group, &point)?;
                let label = format!("{}, {}", group.label, in_words(&point));
                let mut entry = Group { label, baseline: None, ..entry(panel, group, &[]) };
                entry.runs = plan.add(&entry, &config, TUNING_SEEDS..TUNING_SEEDS + u64::from(seeds));
                plan.artifact.groups.push(entry);
            }
        }
        if plan.runs.is_empty() {
            let (option, reason) = ("--tune", "there is nothing to tune");
            return Err(ConfigError::OptionNotTaken { artifact: self.name.clone(), option, reason }.into());
        }
        Ok(plan)
    }

    fn scale(&self, request: &Request) -> Result<&ScaleConfig, Error> {
        let scales = &self.config.scales;
        scales.iter().find(|scale| scale.scale == request.scale).ok_or_else(|| Error::NoScale {
            sweep: self.name.clone(),
            scale: request.scale.name(),
            known: scales.iter().map(|scale| scale.scale.name()).collect(),
        })
    }

    fn groups<'a>(&'a self, scale: &'a ScaleConfig) -> impl Iterator<Item = (&'a PanelConfig, &'a GroupConfig)> {
        let is_run = |panel: &&PanelConfig| scale.panels.as_ref().is_none_or(|names| names.contains(&panel.name));
        let groups = |panel: &'a PanelConfig| self.config.groups_of(&panel.name).map(move |group| (panel, group));
        self.config.panels.iter().filter(is_run).flat_map(groups)
    }

    fn config(
        &self,
        request: &Request,
        scale: &ScaleConfig,
        panel: &PanelConfig,
        group: &GroupConfig,
        point: &[String],
    ) -> Result<RunConfig, Error> {
        let mut config = self.config.run.clone();
        let at_scale = group.at_scale.iter().filter(|(at, _)| *at == scale.scale).flat_map(|(_, set)| set);
        let described = panel.set.iter().chain(&scale.set).chain(&group.set).chain(at_scale).chain(point);
        for text in described {
            config.set(text)?;
        }
        for text in &request.overrides {
            self.check_override(text, scale)?;
            config.set(text)?;
        }
        if config.data.source.is_in_files() {
            config.data.dir = request.data.clone().or(config.data.dir);
        }
        if let Some(device) = request.device {
            config.device = device;
        }
        Ok(config)
    }

    /// What the sweep compares, or says of itself, cannot be overridden: the report would be untrue.
    fn check_override(&self, text: &str, scale: &ScaleConfig) -> Result<(), Error> {
        let groups = self.config.groups.iter();
        let own = groups.flat_map(|group| {
            let grid = group.grid.iter().map(|(key, _)| key);
            let at_scale = group.at_scale.iter().flat_map(|(_, set)| set);
            group.set.iter().chain(at_scale).chain(&group.point).chain(grid)
        });
        let panels = self.config.panels.iter().flat_map(|panel| &panel.set);
        let fixed = own.chain(panels).map(|text| key(text)).chain(["seed"]);
        let fixed = fixed.chain((!scale.data.is_empty()).then_some("data"));
        let given = key(text);
        let is_below = |key: &str, of: &str| key.strip_prefix(of).is_some_and(|rest| rest.starts_with('.'));
        let clashes = |fixed: &&str| given == *fixed || is_below(given, fixed) || is_below(fixed, given);
        match fixed.into_iter().find(clashes) {
            Some(fixed) => Err(ConfigError::FixedKey { text: text.to_owned(), key: fixed.to_owned() }.into()),
            None => Ok(()),
        }
    }

    fn artifact(&self, request: &Request, scale: &ScaleConfig) -> Artifact {
        let mut notes: Vec<String> = self.config.notes.iter().chain(&scale.notes).cloned().collect();
        if !request.overrides.is_empty() {
            notes.push(format!("Changed on the command line: {}.", request.overrides.join(", ")));
        }
        Artifact {
            artifact: self.name.clone(),
            scale: request.scale.name().to_owned(),
            title: self.config.title.clone(),
            command: request.command.clone(),
            data: scale.data.clone(),
            notes,
            figure: self.config.figure,
            paper: self.paper.clone(),
            groups: vec![],
        }
    }
}

impl Plan {
    /// Adds a run for each seed, unless it is there already, and gives their ids.
    fn add(&mut self, group: &Group, config: &RunConfig, seeds: impl Iterator<Item = u64>) -> Vec<String> {
        let mut ids = Vec::new();
        for seed in seeds {
            let config = RunConfig { seed, ..config.clone() };
            let id = config.id();
            if !self.runs.iter().any(|run| run.config.id() == id) {
                let panel = if group.panel.is_empty() { String::new() } else { format!("{}, ", group.panel) };
                self.runs.push(PlannedRun { label: format!("{panel}{} seed {seed}", group.label), config });
            }
            ids.push(id);
        }
        ids
    }
}

fn entry(panel: &PanelConfig, group: &GroupConfig, point: &[String]) -> Group {
    Group {
        label: group.label.clone(),
        baseline: group.baseline.clone(),
        tuning: tuning(group, point),
        panel: panel.name.clone(),
        runs: vec![],
        candidates: vec![],
    }
}

/// The point of a group's grid that is used at a scale: what the group sets for the scale comes before its own point.
fn point_at(group: &GroupConfig, scale: Scale) -> Vec<String> {
    let at_scale = group.at_scale.iter().filter(|(at, _)| *at == scale).flat_map(|(_, set)| set);
    let at_scale: Vec<&String> = at_scale.collect();
    let chosen = |text: &String| at_scale.iter().rfind(|own| key(own) == key(text)).map_or(text, |own| *own).clone();
    group.point.iter().map(chosen).collect()
}

/// How the hyperparameters of a group were chosen, in words.
fn tuning(group: &GroupConfig, point: &[String]) -> String {
    let axes = group.grid.iter().map(|(key, values)| format!("{} in {{{}}}", last(key), values.join(", ")));
    let grid = axes.collect::<Vec<_>>().join(", ");
    match (grid.is_empty(), point.is_empty()) {
        (true, true) => "fixed".to_owned(),
        (true, false) => in_words(point),
        (false, true) => format!("grid: {grid}"),
        (false, false) if is_on_grid(group, point) => format!("{} of the grid {grid}", in_words(point)),
        (false, false) => format!("{} in place of the grid {grid}", in_words(point)),
    }
}

fn is_on_grid(group: &GroupConfig, point: &[String]) -> bool {
    let on_axis = |text: &String| {
        let axis = group.grid.iter().find(|(axis, _)| axis == key(text));
        axis.is_none_or(|(_, values)| {
            values.iter().any(|value| text.split_once('=').is_some_and(|(_, own)| own.trim() == value))
        })
    };
    point.iter().all(on_axis)
}

/// Every point of a grid, the last key varying fastest.
fn points(grid: &[(String, Vec<String>)]) -> Vec<Vec<String>> {
    grid.iter().fold(vec![vec![]], |points, (key, values)| {
        let extended = |point: &Vec<String>| {
            let with = |value: &String| [point.as_slice(), &[format!("{key}={value}")]].concat();
            values.iter().map(with).collect::<Vec<_>>()
        };
        points.iter().flat_map(extended).collect()
    })
}

/// A point of a grid in words, such as `learning_rate 0.1, weight_decay 0.001`.
fn in_words(point: &[String]) -> String {
    let words = point.iter().map(|text| {
        let value = text.split_once('=').map_or("", |(_, value)| value.trim());
        format!("{} {value}", last(key(text)))
    });
    words.collect::<Vec<_>>().join(", ")
}

/// The key of an override `KEY=VALUE`.
fn key(text: &str) -> &str {
    text.split('=').next().unwrap_or_default().trim()
}

/// The last part of a key with dots.
fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or_default()
}
