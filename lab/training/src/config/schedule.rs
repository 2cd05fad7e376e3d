//! The learning rate over a run; the table `[schedule]`.

use std::num::NonZeroU32;

use serde::Serialize;

use lookahead_settings::{Choices, Read, Table};

/// The learning rate and what becomes of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScheduleConfig {
    /// The learning rate, finite and above 0.
    pub learning_rate: f64,
    /// Over how many steps it first rises linearly from 0: step t, counted from 1, has `t / warmup_steps` of it. Default 0.
    pub warmup_steps: u64,
    /// How it falls.
    #[serde(flatten)]
    pub decay: DecayConfig,
}

/// How the learning rate falls, by the key `name`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum DecayConfig {
    /// Not at all (the default).
    Constant,
    /// Along half a cosine over all steps of the run.
    Cosine {
        /// What is left of it in the end, from 0 to 1. Default 0.
        final_fraction: f64,
    },
    /// By a factor after each of some epochs.
    Step {
        /// After how many epochs it falls, rising. Default 60 and 120.
        milestones: Vec<NonZeroU32>,
        /// The factor, above 0 and at most 1. Default 0.2.
        factor: f64,
    },
    /// By a factor whenever the validation loss has stopped to fall (App. C.3), as PyTorch's `ReduceLROnPlateau` has it.
    Plateau {
        /// The factor, above 0 and below 1. Default 0.5.
        factor: f64,
        /// How many evaluations in a row are let pass whose loss is not below 0.9999 of the lowest: the next such one
        /// brings the fall, and the count starts anew. Default 15.
        patience: NonZeroU32,
    },
    /// As the inverse square root of the step (Vaswani et al. 2017):
    /// `learning_rate width^-0.5 max(t, decay_from)^-0.5` in step t, counted from 1, times the rise.
    ///
    /// With as many `warmup_steps` this is Vaswani's schedule, `learning_rate` being its factor; with none it is
    /// constant until `decay_from`.
    #[serde(rename = "inverse_sqrt")]
    InverseSqrt {
        /// The width of the model. Default 512.
        width: NonZeroU32,
        /// The step from which on it falls. Default 4000.
        decay_from: NonZeroU32,
    },
}

impl ScheduleConfig {
    pub(super) fn read(table: &Table<'_>) -> Read<Self> {
        const NAMES: Choices<DecayConfig, 5> = [
            ("constant", DecayConfig::read_constant),
            ("cosine", DecayConfig::read_cosine),
            ("step", DecayConfig::read_step),
            ("plateau", DecayConfig::read_plateau),
            ("inverse_sqrt", DecayConfig::read_inverse_sqrt),
        ];
        let decay = table.or("name", NAMES[0].1, |e| e.one_of(&NAMES))?(table)?;
        let rate = |x: f64| x > 0.0 && x.is_finite();
        Ok(Self {
            learning_rate: table.required("learning_rate", |e| e.number("above 0 and finite", rate))?,
            warmup_steps: table.or("warmup_steps", 0, |e| e.whole(0..=u64::MAX))?,
            decay,
        })
    }
}

impl DecayConfig {
    fn read_constant(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "learning_rate", "warmup_steps"])?;
        Ok(Self::Constant)
    }

    fn read_cosine(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "learning_rate", "warmup_steps", "final_fraction"])?;
        let fraction = |x| (0.0..=1.0).contains(&x);
        Ok(Self::Cosine { final_fraction: table.or("final_fraction", 0.0, |e| e.number("from 0 to 1", fraction))? })
    }

    fn read_step(table: &Table<'_>) -> Read<Self> {
        const DEFAULT: [NonZeroU32; 2] = [NonZeroU32::new(60).unwrap(), NonZeroU32::new(120).unwrap()];
        const MOST: usize = 1000;
        table.accept(&["name", "learning_rate", "warmup_steps", "milestones", "factor"])?;
        let milestones = table.or("milestones", DEFAULT.to_vec(), |e| {
            let milestones = e.list(MOST, "epochs", |e| e.count())?;
            let rising = milestones.is_sorted_by(|a, b| a < b);
            if rising { Ok(milestones) } else { Err(e.refuse("in rising order, each epoch once")) }
        })?;
        let factor = |x| x > 0.0 && x <= 1.0;
        Ok(Self::Step { milestones, factor: table.or("factor", 0.2, |e| e.number("above 0 and at most 1", factor))? })
    }

    fn read_plateau(table: &Table<'_>) -> Read<Self> {
        const FIFTEEN: NonZeroU32 = NonZeroU32::new(15).unwrap();
        table.accept(&["name", "learning_rate", "warmup_steps", "factor", "patience"])?;
        let factor = |x| x > 0.0 && x < 1.0;
        Ok(Self::Plateau {
            factor: table.or("factor", 0.5, |e| e.number("above 0 and below 1", factor))?,
            patience: table.or("patience", FIFTEEN, |e| e.count())?,
        })
    }

    fn read_inverse_sqrt(table: &Table<'_>) -> Read<Self> {
        const WIDTH: NonZeroU32 = NonZeroU32::new(512).unwrap();
        const DECAY_FROM: NonZeroU32 = NonZeroU32::new(4000).unwrap();
        table.accept(&["name", "learning_rate", "warmup_steps", "width", "decay_from"])?;
        Ok(Self::InverseSqrt {
            width: table.or("width", WIDTH, |e| e.count())?,
            decay_from: table.or("decay_from", DECAY_FROM, |e| e.count())?,
        })
    }
}
