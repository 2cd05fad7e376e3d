// What two threads can reach: SGD with momentum and AdamW as plain loops over one flat, huge-paged array per buffer, with
// and without the sync in the k-th step: Eq. 1, or an outer step with Nesterov's momentum. Build: gcc -O3 -march=native -fno-math-errno -fopenmp floor.c -o floor -lm
// Speaks the protocol of protocol.py.
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { WEIGHTS, FIRST, SECOND, SLOW, OUTER, BUFFERS };
enum { NONE, PULL_BACK, OUTER_STEP };

typedef struct {
    char name[32];
    int fused, separate, outer;
    float *buffer[BUFFERS];
    long steps;
} Variant;

static size_t length;
static int period = 5, adam = 0, huge = 1;
static float alpha = 0.5f, *gradient;

// Arrays start 4,352 bytes apart within a huge page, so that their elements do not share the sets of a cache.
static float *array(int place) {
    size_t bytes = length * sizeof(float) + 16 * 4352, page = (size_t)1 << 21;
    char *raw = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) exit(3);
    char *start = (char *)(((uintptr_t)raw + page - 1) / page * page);
    madvise(start, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    return (float *)(start + place * 4352);
}

static void fill(float *values, uint64_t factor, uint64_t summand, double scale) {
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < length; i++) {
        uint32_t hash = (uint32_t)(i * factor + summand);
        values[i] = (float)((hash / 4294967296.0 - 0.5) * scale);
    }
}

#define EVERY_ELEMENT _Pragma("omp parallel for simd schedule(static)") for (size_t i = 0; i < length; i++)

static const float eta = 0.68f, mu = 0.37f;

#define TAKE_OUTER_STEP            \
    {                              \
        float delta = s[i] - theta;   \
        b[i] = mu * b[i] + delta;     \
        w[i] = s[i] = s[i] - eta * (delta + mu * b[i]); \
    }

static void sgd(Variant *v, int sync) {
    float *restrict w = v->buffer[WEIGHTS], *restrict m = v->buffer[FIRST], *restrict s = v->buffer[SLOW];
    float *restrict b = v->buffer[OUTER];
    const float *restrict g = gradient;
    if (!sync) {
        EVERY_ELEMENT {
            m[i] = 0.9f * m[i] + (g[i] + 5e-4f * w[i]);
            w[i] -= 1e-3f * m[i];
        }
    } else if (sync == OUTER_STEP) {
        EVERY_ELEMENT {
            m[i] = 0.9f * m[i] + (g[i] + 5e-4f * w[i]);
            float theta = w[i] - 1e-3f * m[i];
            TAKE_OUTER_STEP
        }
    } else {
        EVERY_ELEMENT {
            m[i] = 0.9f * m[i] + (g[i] + 5e-4f * w[i]);
            float theta = w[i] - 1e-3f * m[i];
            w[i] = s[i] = s[i] + alpha * (theta - s[i]);
        }
    }
}

static void adamw(Variant *v, int sync) {
    float *restrict w = v->buffer[WEIGHTS], *restrict m = v->buffer[FIRST], *restrict u = v->buffer[SECOND];
    float *restrict s = v->buffer[SLOW], *restrict b = v->buffer[OUTER];
    const float *restrict g = gradient;
    float size = (float)(1e-4 / (1 - pow(0.9, v->steps))), root = (float)(1 / sqrt(1 - pow(0.999, v->steps)));
    float keep = 1 - 1e-4f * 1e-2f;
    if (!sync) {
        EVERY_ELEMENT {
            m[i] += 0.1f * (g[i] - m[i]);
            u[i] = 0.999f * u[i] + 0.001f * g[i] * g[i];
            w[i] = w[i] * keep - size * m[i] / (sqrtf(u[i]) * root + 1e-8f);
        }
    } else if (sync == OUTER_STEP) {
        EVERY_ELEMENT {
            m[i] += 0.1f * (g[i] - m[i]);
            u[i] = 0.999f * u[i] + 0.001f * g[i] * g[i];
            float theta = w[i] * keep - size * m[i] / (sqrtf(u[i]) * root + 1e-8f);
            TAKE_OUTER_STEP
        }
    } else {
        EVERY_ELEMENT {
            m[i] += 0.1f * (g[i] - m[i]);
            u[i] = 0.999f * u[i] + 0.001f * g[i] * g[i];
            float theta = w[i] * keep - size * m[i] / (sqrtf(u[i]) * root + 1e-8f);
            w[i] = s[i] = s[i] + alpha * (theta - s[i]);
        }
    }
}

static void pull_back(Variant *v) {
    float *restrict w = v->buffer[WEIGHTS], *restrict s = v->buffer[SLOW];
    EVERY_ELEMENT w[i] = s[i] = s[i] + alpha * (w[i] - s[i]);
}

static void step(Variant *v) {
    v->steps++;
    int ends = v->steps % period == 0;
    int sync = !ends ? NONE : v->outer ? OUTER_STEP : v->fused ? PULL_BACK : NONE;
    if (adam) adamw(v, sync);
    else sgd(v, sync);
    if (ends && v->separate) pull_back(v);
}

// The number of weights: over all shapes, the product of the numbers in the innermost brackets outside of names.
static size_t count(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) exit(2);
    size_t total = 0, product = 1, number = 0;
    int c, depth = 0, quoted = 0, digits = 0;
    while ((c = fgetc(file)) != EOF) {
        if (c == '"') quoted = !quoted;
        if (quoted || c == '"') continue;
        if (c >= '0' && c <= '9') {
            number = number * 10 + (size_t)(c - '0');
            digits = 1;
            continue;
        }
        if (digits) product *= number;
        number = 0, digits = 0;
        if (c == '[' && ++depth == 3) product = 1;
        if (c == ']' && depth-- == 3) total += product;
    }
    fclose(file);
    return total;
}

int main(int argc, char **argv) {
    const char *names = "inner,la,la_fused";
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--shapes")) length = count(argv[i + 1]);
        else if (!strcmp(argv[i], "--inner")) adam = !strcmp(argv[i + 1], "adamw");
        else if (!strcmp(argv[i], "--k")) period = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--alpha")) alpha = (float)atof(argv[i + 1]);
        else if (!strcmp(argv[i], "--threads")) omp_set_num_threads(atoi(argv[i + 1]));
        else if (!strcmp(argv[i], "--variants")) names = argv[i + 1];
        else if (!strcmp(argv[i], "--huge-pages")) huge = strcmp(argv[i + 1], "no") != 0;
    }
    gradient = array(0);
    fill(gradient, 2246822519u, 12345, 0.02);
    Variant variants[4];
    int known = 0;
    char list[256];
    snprintf(list, sizeof list, "%s", names);
    for (char *name = strtok(list, ","); name && known < 4; name = strtok(NULL, ",")) {
        Variant *v = &variants[known++];
        memset(v, 0, sizeof *v);
        snprintf(v->name, sizeof v->name, "%s", name);
        v->fused = !strcmp(name, "la_fused"), v->separate = !strcmp(name, "la"), v->outer = !strcmp(name, "snoo");
        for (int b = 0; b < BUFFERS; b++) v->buffer[b] = array(b + 1);
        fill(v->buffer[WEIGHTS], 2654435761u, 0, 0.1);
        fill(v->buffer[SLOW], 2654435761u, 0, 0.1);
        fill(v->buffer[FIRST], 0, 0x80000000u, 1.0);   // zeros
        fill(v->buffer[SECOND], 0, 0x80000000u, 1.0);
        fill(v->buffer[OUTER], 0, 0x80000000u, 1.0);
    }
    printf("{\"ready\":true,\"worker\":\"floor\",\"variants\":[");
    for (int i = 0; i < known; i++) printf("%s\"%s\"", i ? "," : "", variants[i].name);
    printf("],\"params\":%zu}\n", length);
    fflush(stdout);
    char line[256], command[16], name[32];
    int steps;
    while (fgets(line, sizeof line, stdin)) {
        steps = 0;
        if (sscanf(line, "%15s %31s %d", command, name, &steps) < 1 || !strcmp(command, "quit")) break;
        Variant *v = NULL;
        for (int i = 0; i < known; i++)
            if (!strcmp(variants[i].name, name)) v = &variants[i];
        if (!v) return 3;
        if (!strcmp(command, "run")) {
            printf("{\"variant\":\"%s\",\"steps\":%d,\"ms\":[", name, steps);
            for (int i = 0; i < steps; i++) {
                double start = omp_get_wtime();
                step(v);
                printf("%s%.5f", i ? "," : "", (omp_get_wtime() - start) * 1e3);
            }
            printf("]}\n");
        } else {
            double sum = 0, sumabs = 0;
            for (size_t i = 0; i < length; i++) sum += v->buffer[WEIGHTS][i], sumabs += fabs(v->buffer[WEIGHTS][i]);
            printf("{\"variant\":\"%s\",\"sum\":%.12g,\"sumabs\":%.12g,\"steps\":%ld}\n", name, sum, sumabs, v->steps);
        }
        fflush(stdout);
    }
    return 0;
}
