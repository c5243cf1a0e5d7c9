#include "unit.h"

#include "base/map.h"
#include "sample.h"

enum { KEYS = 2000 };

/*
 * Item i has the key keys[i]. Its hash is cut to some bits to make it collide, and moved: by a
 * negative number, so that what collides lies around the end of the table, whatever its size.
 */
struct owner {
    uint64_t keys[KEYS];
    uint64_t hash_mask;
    uint64_t hash_offset;
};

static uint64_t hash_key(const struct owner *o, uint64_t key)
{
    static const uint8_t secret[16] = "0123456789abcdef";

    return (hash_bytes(secret, &key, sizeof(key)) & o->hash_mask) + o->hash_offset;
}

static uint64_t hash_item(const void *owner, uint32_t index)
{
    const struct owner *o = owner;

    return hash_key(o, o->keys[index]);
}

static bool item_equals(const void *owner, uint32_t index, const void *key)
{
    const struct owner *o = owner;

    return o->keys[index] == *(const uint64_t *)key;
}

static const struct map_type type = {hash_item, item_equals};

static void init_owner(struct owner *o, uint64_t hash_mask, uint64_t hash_offset)
{
    o->hash_mask = hash_mask;
    o->hash_offset = hash_offset;
    for (uint64_t i = 0; i < KEYS; i++) {
        o->keys[i] = i * 7919 + 3;
    }
}

static void an_empty_map_finds_nothing(void **state)
{
    static struct owner o;
    struct map m;
    uint64_t key = 3;

    (void)state;
    init_owner(&o, UINT64_MAX, 0);
    map_init(&m, &type, &o);
    assert_true(map_find(&m, 0, &key) == MAP_NONE);
    assert_null(m.slots);
    map_fini(&m);
    map_fini(NULL);
}

/* Random insertions and removals against a table of what is in it. */
static void check_against_model(uint64_t hash_mask, uint64_t hash_offset, uint64_t seed)
{
    static struct owner o;
    static bool present[KEYS];
    struct map m;
    uint32_t count = 0, most = 0;

    init_owner(&o, hash_mask, hash_offset);
    memset(present, 0, sizeof(present));
    map_init(&m, &type, &o);
    for (int step = 0; step < 40000; step++) {
        uint32_t index = sample_random(&seed, KEYS);
        uint64_t hash = hash_key(&o, o.keys[index]);
        uint32_t found = map_find(&m, hash, &o.keys[index]);
        assert_true(found == (present[index] ? index : MAP_NONE));
        uint32_t odds = step / 5000 % 2 == 0 ? 8 : 3;
        if (present[index] && sample_random(&seed, 10) >= odds) {
            map_remove(&m, hash, index);
            present[index] = false;
            count--;
        } else if (!present[index] && sample_random(&seed, 10) < odds) {
            assert_true(map_insert(&m, hash, index));
            present[index] = true;
            count++;
        }
        most = count > most ? count : most;
        assert_int_equal(m.count, count);
        assert_true(m.count <= m.cap / 4 * 3);
    }
    assert_true(most > KEYS / 2);
    for (uint32_t i = 0; i < KEYS; i++) {
        uint32_t found = map_find(&m, hash_key(&o, o.keys[i]), &o.keys[i]);
        assert_true(found == (present[i] ? i : MAP_NONE));
    }
    map_fini(&m);
}

static void agrees_with_a_model(void **state)
{
    (void)state;
    check_against_model(UINT64_MAX, 0, 1);
    check_against_model(UINT64_MAX, 0, 2);
}

static void agrees_with_a_model_when_hashes_collide(void **state)
{
    (void)state;
    check_against_model(63, 0, 3);
    check_against_model(63, -(uint64_t)32, 4);
    check_against_model(1023, -(uint64_t)500, 5);
}

/* Every pair of 8 items is removed from the one cluster they make around the end of the table. */
static void removal_closes_holes_across_the_end(void **state)
{
    static struct owner o;
    struct map m;

    (void)state;
    init_owner(&o, 3, -(uint64_t)4);
    for (uint32_t pair = 0; pair < 64; pair++) {
        uint32_t gone[2] = {pair / 8, pair % 8};
        map_init(&m, &type, &o);
        for (uint32_t i = 0; i < 8; i++) {
            assert_true(map_insert(&m, hash_key(&o, o.keys[i]), i));
        }
        map_remove(&m, hash_key(&o, o.keys[gone[0]]), gone[0]);
        if (gone[1] != gone[0]) {
            map_remove(&m, hash_key(&o, o.keys[gone[1]]), gone[1]);
        }
        for (uint32_t i = 0; i < 8; i++) {
            uint32_t found = map_find(&m, hash_key(&o, o.keys[i]), &o.keys[i]);
            assert_true(found == (i == gone[0] || i == gone[1] ? MAP_NONE : i));
        }
        map_fini(&m);
    }
}

/* The vectors of the reference: secret 00 01 .. 0f, input 00 01 .. (n - 1). */
static void siphash_matches_its_reference(void **state)
{
    static const struct {
        size_t len;
        uint64_t hash;
    } vectors[] = {
        {0, 0x726fdb47dd0e0e31},  {1, 0x74f839c593dc67fd},  {2, 0x0d6c8009d9a94f5a},
        {3, 0x85676696d7fb7e2d},  {4, 0xcf2794e0277187b7},  {5, 0x18765564cd99a68d},
        {6, 0xcbc9466e58fee3ce},  {7, 0xab0200f58b01d137},  {8, 0x93f5f5799a932462},
        {12, 0x751e8fbc860ee5fb}, {15, 0xa129ca6149be45e5}, {16, 0x3f2acc7f57c29bdb},
        {63, 0x958a324ceb064572},
    };
    uint8_t secret[16], input[64];

    (void)state;
    for (size_t i = 0; i < sizeof(input); i++) {
        input[i] = (uint8_t)i;
        secret[i % 16] = i % 16;
    }
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        char *copy = sample_copy(input, vectors[i].len);
        assert_true(hash_bytes(secret, copy, vectors[i].len) == vectors[i].hash);
        free(copy);
    }
}

/* Of numbers in a row few come to the same place, whatever the secret. */
static void numbers_are_spread(void **state)
{
    enum { COUNT = 512, PLACES = 1024 };

    (void)state;
    for (uint64_t i = 1; i <= 100; i++) {
        uint64_t secret = i * 0x9e3779b97f4a7c15, from = i * i * i;
        unsigned places[PLACES] = {0};
        for (uint64_t number = from; number < from + COUNT; number++) {
            uint64_t hash = hash_number(secret, number);
            assert_in_range(hash, 0, UINT32_MAX);
            assert_in_range(++places[hash % PLACES], 1, 16);
        }
    }
    assert_int_equal(hash_number(0, (uint64_t)5 << 32), 5);
    assert_int_equal(hash_number(2, (uint64_t)5 << 32), 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_finds_nothing),
        cmocka_unit_test(agrees_with_a_model),
        cmocka_unit_test(agrees_with_a_model_when_hashes_collide),
        cmocka_unit_test(removal_closes_holes_across_the_end),
        cmocka_unit_test(siphash_matches_its_reference),
        cmocka_unit_test(numbers_are_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
