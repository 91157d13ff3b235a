//! Arithmetic on one number an effect, written so that a compiler does several at once: no branch
//! depends on a count, and no number waits for another's.

/// Effect sizes that are weighed side by side.
pub(super) const EFFECTS: usize = 12;
/// Counts below two to this power are raised by the branchless path.
const BITS: u32 = 7;
/// The first count that is too large for it.
pub(super) const COUNT_END: u64 = 1 << BITS;
/// Counts below this take so few bits that the rest is left out.
const FEW: u64 = 8;

/// Evidence is capped here: far beyond any threshold, far below overflow.
pub(super) const EVIDENCE_MAX: f64 = 1e60;
/// Evidence below this is forgotten, before it becomes slow to compute with.
const EVIDENCE_MIN: f64 = 1e-250;

pub(super) type Lanes = [f64; EFFECTS];

/// `factors` to the power of `n`, which lies below [`COUNT_END`].
#[inline]
pub(super) fn powers(factors: &Lanes, n: u64) -> Lanes {
    if n < FEW {
        bits::<{ FEW.ilog2() }>(factors, n)
    } else {
        bits::<BITS>(factors, n)
    }
}

#[inline]
fn bits<const N: u32>(factors: &Lanes, n: u64) -> Lanes {
    let mut square = *factors;
    let mut result = [1.0; EFFECTS];
    for bit in 0..N {
        // Counts are noise, and a branch on noise costs more than the multiplication.
        let taken = 0_u64.wrapping_sub((n >> bit) & 1);
        let left_out = 1.0_f64.to_bits() & !taken;
        for (value, square) in result.iter_mut().zip(&mut square) {
            *value *= f64::from_bits((square.to_bits() & taken) | left_out);
            *square *= *square;
        }
    }
    result
}

#[inline]
pub(super) fn multiply(values: &mut Lanes, factors: &Lanes) {
    for (value, factor) in values.iter_mut().zip(factors) {
        *value *= factor;
    }
}

/// Multiplies `values` by the `n`-th power of `square`, for counts of any size.
pub(super) fn multiply_power(values: &mut Lanes, mut square: Lanes, mut n: u64) {
    while n > 0 {
        if n & 1 == 1 {
            multiply(values, &square);
        }
        n >>= 1;
        for factor in &mut square {
            *factor *= *factor;
        }
    }
}

/// Adds a new start's mass to evidence that is kept within its range.
#[inline]
pub(super) fn spend(evidence: &mut Lanes, mass: f64) {
    for value in evidence {
        let kept = if *value < EVIDENCE_MIN { 0.0 } else { *value };
        *value = kept.min(EVIDENCE_MAX) + mass;
    }
}

/// The sum of products.
#[inline]
pub(super) fn dot(left: &Lanes, right: &Lanes) -> f64 {
    // Four sums side by side: one alone would wait for each addition before the next.
    let mut sums = [0.0; 4];
    for (left, right) in left.chunks_exact(4).zip(right.chunks_exact(4)) {
        for (sum, (left, right)) in sums.iter_mut().zip(left.iter().zip(right)) {
            *sum += left * right;
        }
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}

/// The digits of small powers of fixed factors: any below [`COUNT_END`] is a product of two.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PowerTable {
    ones: [Lanes; 16],
    sixteens: [Lanes; 8],
}

impl PowerTable {
    pub(super) fn new(factors: &Lanes) -> Self {
        Self {
            ones: core::array::from_fn(|n| powers(factors, n as u64)),
            sixteens: core::array::from_fn(|n| powers(factors, 16 * n as u64)),
        }
    }

    /// The `n`-th power, `n` below [`COUNT_END`].
    #[inline]
    pub(super) fn power(&self, n: u64) -> Lanes {
        let mut power = self.ones[(n % 16) as usize];
        multiply(&mut power, &self.sixteens[(n / 16 % 8) as usize]);
        power
    }

    /// The factors.
    #[inline]
    pub(super) const fn factors(&self) -> &Lanes {
        &self.ones[1]
    }
}

/// Added to a number below 2^51 and subtracted again, this rounds it to a whole one.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// The natural logarithm of two in two parts, of which the first has trailing zeros enough for
/// its multiples to be exact.
const LN_2: (f64, f64) = (6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10);
/// One over the factorials from 13 down to 0.
const TAYLOR: [f64; 14] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

/// The exponential function, for arguments from -700 to 700, to two units in the last place.
#[inline]
pub(super) fn exp(nats: &Lanes) -> Lanes {
    let whole: Lanes = nats.map(|x| (x * core::f64::consts::LOG2_E + ROUND) - ROUND);
    let mut left = [0.0; EFFECTS];
    for lane in 0..EFFECTS {
        left[lane] = (nats[lane] - whole[lane] * LN_2.0) - whole[lane] * LN_2.1;
    }
    let mut sum = [0.0; EFFECTS];
    for term in TAYLOR {
        for (sum, left) in sum.iter_mut().zip(&left) {
            *sum = *sum * left + term;
        }
    }
    for (sum, whole) in sum.iter_mut().zip(&whole) {
        // The lowest bits of the shifted number are the whole one, in two's complement.
        let exponent = (whole + ROUND).to_bits().wrapping_add(1_023);
        *sum *= f64::from_bits(exponent << 52);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTORS: Lanes = [
        1.1, 0.9, 2.0, 0.5, 64.0, 0.015_625, 1.0, 3.0, 7.0, 0.3, 1.001, 0.99,
    ];

    fn check(found: f64, expected: f64, ulps: f64) {
        let error = (found - expected).abs();
        assert!(
            error <= ulps * f64::EPSILON * expected.abs(),
            "{found} {expected}"
        );
    }

    #[test]
    fn powers_are_those_of_the_library() {
        let table = PowerTable::new(&FACTORS);
        for n in 0..COUNT_END {
            let direct = powers(&FACTORS, n);
            let looked_up = table.power(n);
            let mut long = [1.0; EFFECTS];
            multiply_power(&mut long, FACTORS, n);
            for lane in 0..EFFECTS {
                let expected = libm::pow(FACTORS[lane], n as f64);
                check(direct[lane], expected, 200.0);
                check(looked_up[lane], expected, 200.0);
                check(long[lane], expected, 200.0);
            }
        }
        assert_eq!(*table.factors(), FACTORS);
    }

    #[test]
    fn exponentials_are_those_of_the_library() {
        for step in -7_000..=7_000 {
            let x = f64::from(step) * 0.1 + 1e-3;
            let x = x.clamp(-700.0, 700.0);
            for found in exp(&[x; EFFECTS]) {
                check(found, libm::exp(x), 2.0);
            }
        }
        assert_eq!(exp(&[0.0; EFFECTS]), [1.0; EFFECTS]);
    }

    #[test]
    fn products_add_up() {
        let ones = [1.0; EFFECTS];
        let sum: f64 = FACTORS.iter().sum();
        check(dot(&FACTORS, &ones), sum, 4.0);
    }
}
