//! The description of a sweep: what all runs share, the groups that are compared, grids, seeds, and three scales.

use std::num::NonZeroU32;

use super::reader::{Entry, Read, Table, read_document};
use super::{ConfigError, RunConfig};
use crate::paper::Scale;
use crate::report::Figure;

/// A sweep as its file describes it.
///
/// Overrides are texts `KEY=VALUE`, as [`RunConfig::set`] takes them. They apply in this order: the panel's, the
/// scale's, the group's, the group's for the scale, then its grid or its point. A key of the point that the group sets
/// for the scale too has the scale's value.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepConfig {
    /// A heading for people.
    pub title: String,
    /// What the runs are drawn as. Default curves.
    pub figure: Figure,
    /// Seeds of the tuning, which are none of the results'. Default 1.
    pub tuning_seeds: NonZeroU32,
    /// What is said of every run, one sentence each.
    pub notes: Vec<String>,
    /// What all runs share; the table `[run]`.
    pub run: RunConfig,
    /// Plots and tables of their own. Default: one, without a name.
    pub panels: Vec<PanelConfig>,
    /// What is compared.
    pub groups: Vec<GroupConfig>,
    /// The scales it can run at.
    pub scales: Vec<ScaleConfig>,
}

/// One of several plots; a table `[[panel]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PanelConfig {
    /// Its name, such as `CIFAR-10`.
    pub name: String,
    /// Overrides of its runs.
    pub set: Vec<String>,
}

/// One line of a plot; a table `[[group]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupConfig {
    /// Its name, such as `Lookahead`; once in each panel.
    pub label: String,
    /// The group of the same panel it is compared with.
    pub baseline: Option<String>,
    /// The panels it is in. Default: all.
    pub panels: Option<Vec<String>>,
    /// Overrides of its runs.
    pub set: Vec<String>,
    /// Further overrides for single scales, in `smoke`, `small` and `paper`.
    pub at_scale: Vec<(Scale, Vec<String>)>,
    /// The keys that are searched, each with its values.
    pub grid: Vec<(String, Vec<String>)>,
    /// The point of the grid that is used where it is not searched.
    pub point: Vec<String>,
}

/// How large a sweep is run; a table `[scale.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaleConfig {
    /// Which.
    pub scale: Scale,
    /// The number of seeds. Default 3.
    pub seeds: NonZeroU32,
    /// Whether grids are searched. Default false.
    pub grids: bool,
    /// The panels it has. Default: all.
    pub panels: Option<Vec<String>>,
    /// Overrides of all runs.
    pub set: Vec<String>,
    /// The data, in words.
    pub data: String,
    /// Where it departs from the paper, one sentence each.
    pub notes: Vec<String>,
}

impl SweepConfig {
    /// Reads a sweep; `file` names it in errors.
    ///
    /// # Errors
    /// [`ConfigError`], with the line where one can be told.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        read_document(text, file, Self::read)
    }

    fn read(table: &Table<'_>) -> Read<Self> {
        const FIGURES: [(&str, Figure); 3] =
            [("curves", Figure::Curves), ("trace", Figure::Trace), ("plane", Figure::Plane)];
        table.accept(&["title", "figure", "tuning_seeds", "notes", "run", "panel", "group", "scale"])?;
        let scales = table.table("scale")?;
        scales.accept(&["smoke", "small", "paper"])?;
        let sweep = Self {
            title: table.required("title", |e| e.text("a heading, as a string"))?,
            figure: table.or("figure", Figure::Curves, |e| e.one_of(&FIGURES))?,
            tuning_seeds: table.or("tuning_seeds", NonZeroU32::MIN, |e| e.count_to(MOST_SEEDS))?,
            notes: texts(table, "notes")?,
            run: RunConfig::from_table(&table.table("run")?)?,
            panels: table.or("panel", vec![PanelConfig::default()], |e| {
                e.list(MOST, "panels", |e| PanelConfig::read(&e.table()?))
            })?,
            groups: table.required("group", |e| e.list(MOST, "groups", |e| GroupConfig::read(&e.table()?)))?,
            scales: Scale::ALL
                .into_iter()
                .filter(|scale| scales.get(scale.name()).is_some())
                .map(|scale| ScaleConfig::read(scale, &scales.table(scale.name())?))
                .collect::<Read<_>>()?,
        };
        sweep.check_names(table)?;
        Ok(sweep)
    }

    /// Every panel and baseline that is named exists, and no label stands twice in a panel.
    fn check_names(&self, table: &Table<'_>) -> Read<()> {
        let panels: Vec<&str> = self.panels.iter().map(|panel| panel.name.as_str()).collect();
        let named = self.groups.iter().filter_map(|group| group.panels.as_ref());
        let named = named.chain(self.scales.iter().filter_map(|scale| scale.panels.as_ref())).flatten();
        for name in named {
            if !panels.contains(&name.as_str()) {
                return Err(table.refuse("panel", format!("without {name:?}"), format!("one of {panels:?}")));
            }
        }
        for panel in panels {
            let labels: Vec<&str> = self.groups_of(panel).map(|group| group.label.as_str()).collect();
            for (index, group) in self.groups_of(panel).enumerate() {
                if labels[..index].contains(&group.label.as_str()) {
                    return Err(table.refuse(
                        "group",
                        format!("{:?} twice", group.label),
                        "labels, each once".to_owned(),
                    ));
                }
                if let Some(baseline) = &group.baseline
                    && !labels.contains(&baseline.as_str())
                {
                    return Err(table.refuse(
                        "group",
                        format!("without the baseline {baseline:?}"),
                        format!("one of {labels:?}"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// The groups of a panel, in the file's order.
    pub fn groups_of<'a>(&'a self, panel: &'a str) -> impl Iterator<Item = &'a GroupConfig> {
        let is_in =
            move |group: &&GroupConfig| group.panels.as_ref().is_none_or(|panels| panels.iter().any(|p| p == panel));
        self.groups.iter().filter(is_in)
    }
}

const MOST: usize = 64;
const MOST_SEEDS: u32 = 1000;

impl PanelConfig {
    fn read(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "set"])?;
        Ok(Self { name: table.required("name", |e| e.text("a name, as a string"))?, set: texts(table, "set")? })
    }
}

impl GroupConfig {
    fn read(table: &Table<'_>) -> Read<Self> {
        table.accept(&["label", "baseline", "panels", "set", "smoke", "small", "paper", "grid", "point"])?;
        let name = |e: &Entry<'_>| e.text("a name, as a string");
        let at_scale = Scale::ALL.into_iter().map(|scale| Ok((scale, texts(table, scale.name())?)));
        let grid = table.table("grid")?;
        let axis = |key: &str| Ok((key.to_owned(), grid.required(key, |e| e.list(MOST, "values", |e| e.literal()))?));
        Ok(Self {
            label: table.required("label", name)?,
            baseline: table.optional("baseline", name)?,
            panels: names(table)?,
            set: texts(table, "set")?,
            at_scale: at_scale.collect::<Read<_>>()?,
            grid: grid.keys().into_iter().map(axis).collect::<Read<_>>()?,
            point: texts(table, "point")?,
        })
    }
}

impl ScaleConfig {
    fn read(scale: Scale, table: &Table<'_>) -> Read<Self> {
        const THREE: NonZeroU32 = NonZeroU32::new(3).unwrap();
        table.accept(&["seeds", "grids", "panels", "set", "data", "notes"])?;
        Ok(Self {
            scale,
            seeds: table.or("seeds", THREE, |e| e.count_to(MOST_SEEDS))?,
            grids: table.or("grids", false, |e| e.flag())?,
            panels: names(table)?,
            set: texts(table, "set")?,
            data: table.or("data", String::new(), |e| e.text("a description, as a string"))?,
            notes: texts(table, "notes")?,
        })
    }
}

fn names(table: &Table<'_>) -> Read<Option<Vec<String>>> {
    table.optional("panels", |e| e.list(MOST, "names", |e| e.text("a name, as a string")))
}

fn texts(table: &Table<'_>, key: &str) -> Read<Vec<String>> {
    table.or(key, vec![], |e| e.list(MOST, "strings", |e| e.text("a string")))
}
