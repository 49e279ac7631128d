using Messaging.Transactional;

namespace Messaging.Unit;

public sealed class ScopedKeyTests
{
    /// <summary>Stored in every inbox: another digest of the same key would forget that it took effect.</summary>
    [Theory]
    [InlineData("acme", "submit-order", "unique-key-123", "f3f2110a2fa790ddff6f33c5b139e62b")]
    [InlineData("external", "capture-payment", "", "faf00186e40e5ba1230c68a58b3bcce3")]
    [InlineData("ü", "操作", "🔑", "717ba942db37eb26e05fb45ffb0c29b3")]
    public void The_digest_is_pinned(string client, string operation, string key, string digest) =>
        Assert.Equal(digest, new ScopedKey(client, operation, key).ToDigest().ToString("N"));

    [Fact]
    public void What_differs_in_any_part_or_byte_has_another_digest()
    {
        ScopedKey[] keys =
        [
            new("a", "b", "c"), new("a", "bc", ""), new("", "ab", "c"), new("ab", "", "c"), new("ab", "c", ""), new("a", "", "bc"), new("", "", "abc"),
            new("c", "b", "a"), new("a", "b", "C"), new("a", "b", "c "), new("a", "b", " c"), new("a", "b", "c\0"), new("a\0", "b", "c"),
            new("a", "b", "\u00e9"), new("a", "b", "e\u0301"), new("a", "b", new string('k', 255)), new("a", "b", new string('k', 254)),
        ];

        Assert.Equal(keys.Length, keys.Select(k => k.ToDigest()).Distinct().Count());
    }

    [Fact]
    public void A_derived_key_is_readable_where_it_fits_and_unique_where_it_does_not()
    {
        var key = new ScopedKey("acme", "submit-order", "k");
        var longest = new ScopedKey(new string('c', 255), "submit-order", new string('k', 255));

        Assert.Equal("submit-order/acme/k/1", key.Derive(1));
        string[] derived = [longest.Derive(1), longest.Derive(2), (longest with { Client = "c" }).Derive(1), (longest with { Key = new string('k', 254) }).Derive(1)];
        Assert.All(derived, d => Assert.InRange(d.Length, 1, ScopedKey.MaxLength));
        Assert.Equal(4, derived.Distinct().Count());
    }
}
