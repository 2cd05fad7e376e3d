//! The hyperparameters of the outer loop (Algorithm 1, and its descendants'), checked once when they are made.

use std::num::NonZeroU32;

use crate::ChosenAlpha;
use crate::error::{Error, accept_in_single};

/// The slow weights' step size alpha, in (0, 1].
///
/// Zero is refused: the weights would return to their start at every sync and nothing would ever be learned. One
/// makes Lookahead its own inner optimizer. Default 0.5 (Sec. 5.2; the authors' published code has 0.8).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "f64", into = "f64"))]
pub struct Alpha(f64);

impl Alpha {
    /// The whole way: `phi <- theta`.
    pub const ONE: Self = Self(1.0);

    /// # Errors
    /// [`Error::OutOfRange`] unless `0 < value <= 1`, as the nearest f32 too.
    ///
    /// ```
    /// use lookahead::Alpha;
    /// assert_eq!(Alpha::new(0.5)?.get(), 0.5);
    /// assert!(Alpha::new(0.0).is_err() && Alpha::new(f64::NAN).is_err() && Alpha::new(1.01).is_err());
    /// # Ok::<(), lookahead::Error>(())
    /// ```
    pub fn new(value: f64) -> Result<Self, Error> {
        accept_in_single("alpha", value, |alpha| alpha > 0.0 && alpha <= 1.0, "above 0 and at most 1").map(Self)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Default for Alpha {
    fn default() -> Self {
        Self(0.5)
    }
}

/// The outer learning rate eta of an [`OuterStep`](crate::OuterStep): above 0, and finite. Above 1 the slow weights go
/// farther than the fast ones have gone.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "f64", into = "f64"))]
pub struct OuterRate(f64);

impl OuterRate {
    /// # Errors
    /// [`Error::OutOfRange`] unless `value` is above 0 and finite, as the nearest f32 too: up to 3.4e38.
    ///
    /// ```
    /// use lookahead::OuterRate;
    /// assert_eq!(OuterRate::new(1.5)?.get(), 1.5);
    /// assert!(OuterRate::new(0.0).is_err() && OuterRate::new(f64::INFINITY).is_err());
    /// # Ok::<(), lookahead::Error>(())
    /// ```
    pub fn new(value: f64) -> Result<Self, Error> {
        accept_in_single("outer_rate", value, |eta| eta > 0.0 && eta.is_finite(), "above 0 and finite").map(Self)
    }

    /// A number of this crate's own.
    pub(crate) const fn known(value: f64) -> Self {
        assert!(value > 0.0 && value.is_finite());
        Self(value)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl OuterRate {
    /// As an alpha: clipped to 1.
    pub(crate) fn as_alpha(self) -> ChosenAlpha {
        ChosenAlpha { alpha: Alpha(self.0.min(1.0)), clipped: self.0 > 1.0 }
    }
}

impl From<Alpha> for OuterRate {
    fn from(alpha: Alpha) -> Self {
        Self(alpha.0)
    }
}

/// The outer momentum mu of an [`OuterStep`](crate::OuterStep), in [0, 1): 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "f64", into = "f64"))]
pub struct OuterMomentum(f64);

impl OuterMomentum {
    /// No momentum.
    pub const ZERO: Self = Self(0.0);

    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= value < 1`, as the nearest f32 too: up to 1 - 2^-24.
    ///
    /// ```
    /// use lookahead::OuterMomentum;
    /// assert_eq!(OuterMomentum::new(0.9)?.get(), 0.9);
    /// assert!(OuterMomentum::new(1.0).is_err() && OuterMomentum::new(-0.1).is_err());
    /// # Ok::<(), lookahead::Error>(())
    /// ```
    pub fn new(value: f64) -> Result<Self, Error> {
        accept_in_single("outer_momentum", value, |mu| (0.0..1.0).contains(&mu), "at least 0 and below 1").map(Self)
    }

    /// A number of this crate's own.
    pub(crate) const fn known(value: f64) -> Self {
        assert!(value >= 0.0 && value < 1.0);
        Self(value)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

macro_rules! checked_number {
    ($($number:ident),+) => {
        $(impl TryFrom<f64> for $number {
            type Error = Error;
            fn try_from(value: f64) -> Result<Self, Error> {
                Self::new(value)
            }
        }

        impl From<$number> for f64 {
            fn from(number: $number) -> Self {
                number.0
            }
        })+
    };
}

checked_number!(Alpha, OuterRate, OuterMomentum);

/// The synchronization period k: how many steps the fast weights take between two syncs, at least 1. Default 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "u32", into = "u32"))]
pub struct SyncPeriod(NonZeroU32);

impl SyncPeriod {
    /// # Errors
    /// [`Error::OutOfRange`] if `steps` is 0.
    ///
    /// ```
    /// use lookahead::SyncPeriod;
    /// assert_eq!(SyncPeriod::new(10)?.get(), 10);
    /// assert!(SyncPeriod::new(0).is_err());
    /// # Ok::<(), lookahead::Error>(())
    /// ```
    pub fn new(steps: u32) -> Result<Self, Error> {
        let refused = Error::OutOfRange { name: "sync_period", value: 0.0, accepted: "at least 1" };
        NonZeroU32::new(steps).map(Self).ok_or(refused)
    }

    /// A number of this crate's own, for constants alone: there a 0 does not compile.
    pub(crate) const fn known(steps: u32) -> Self {
        Self(NonZeroU32::new(steps).unwrap())
    }

    /// The number of steps.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl Default for SyncPeriod {
    fn default() -> Self {
        const { Self::known(5) }
    }
}

impl TryFrom<u32> for SyncPeriod {
    type Error = Error;
    fn try_from(steps: u32) -> Result<Self, Error> {
        Self::new(steps)
    }
}

impl From<SyncPeriod> for u32 {
    fn from(period: SyncPeriod) -> Self {
        period.get()
    }
}
