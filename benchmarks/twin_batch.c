/* The C twin of bench_batch: what rate_batch means for bands, prices and tiers of seconds and output
 * octets, as one would write it by hand. No checks; amounts are micros, sums are 128 bits wide.
 */
#include <stdint.h>

enum { SECONDS, OCTETS, INPUT_OCTETS, OUTPUT_OCTETS };

typedef __int128 wide_t;

/* One tariff laid out over the time of all rows: spans begin at span_starts, each in a band. The
 * prices of band b are price_first[b] to price_first[b + 1], likewise the tiers of a price. A unit
 * of a tier costs its amount times its weight, in parts of a micro, `multiple` to one. */
typedef struct {
    const int64_t *span_starts;
    const int32_t *span_bands;
    int64_t span_count;
    const int32_t *price_first;
    const int32_t *metrics;
    const int32_t *tier_first;
    const int64_t *thresholds;
    const int64_t *amounts;
    const int64_t *weights;
    int64_t multiple;
} tariff_t;

static int64_t span_at(const tariff_t *tariff, int64_t at)
{
    int64_t low = 0, high = tariff->span_count;
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (tariff->span_starts[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* What the units from low to high of a price cost. */
static wide_t cost(const tariff_t *tariff, int32_t price, int64_t low, int64_t high)
{
    wide_t sum = 0;
    int32_t end = tariff->tier_first[price + 1];
    for (int32_t tier = tariff->tier_first[price]; tier < end; tier++) {
        int64_t from = tariff->thresholds[tier];
        int64_t to = tier + 1 < end ? tariff->thresholds[tier + 1] : high;
        if (from < low)
            from = low;
        if (to > high)
            to = high;
        if (from < to)
            sum += (wide_t)(tariff->amounts[tier] * tariff->weights[tier]) * (to - from);
    }
    return sum;
}

/* Half to even; what is divided is not negative. */
static int64_t divide(wide_t sum, int64_t by)
{
    int64_t whole = (int64_t)(sum / by), rest = (int64_t)(sum % by);
    if (rest > by - rest || (rest == by - rest && whole % 2))
        whole++;
    return whole;
}

static int64_t rate_row(const tariff_t *tariff, int64_t started_at, int64_t seconds, int64_t octets)
{
    wide_t sum = 0;
    int64_t elapsed = 0, received = 0;
    for (int64_t span = span_at(tariff, started_at); elapsed < seconds; span++) {
        int64_t until = seconds, received_now = octets;
        if (span + 1 < tariff->span_count && tariff->span_starts[span + 1] - started_at < seconds) {
            until = tariff->span_starts[span + 1] - started_at;
            received_now = (int64_t)((wide_t)octets * until / seconds);
        }
        int32_t band = tariff->span_bands[span];
        for (int32_t price = tariff->price_first[band]; price < tariff->price_first[band + 1]; price++) {
            if (tariff->metrics[price] == SECONDS)
                sum += cost(tariff, price, elapsed, until);
            else
                sum += cost(tariff, price, received, received_now);
        }
        elapsed = until;
        received = received_now;
    }
    return divide(sum, tariff->multiple);
}

void rate_all(const tariff_t *tariffs, const int32_t *tariff, const int64_t *started_at,
              const int64_t *seconds, const int64_t *octets, int64_t *charges, int64_t count)
{
    for (int64_t row = 0; row < count; row++)
        charges[row] = rate_row(&tariffs[tariff[row]], started_at[row], seconds[row], octets[row]);
}
