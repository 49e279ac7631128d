using System.Globalization;

namespace Messaging.Transactional;

/// <summary>
/// Points to be passed one after the other; it strikes at the last, once. <c>P1</c> is the next P1; <c>C2@3</c> one with at least three
/// messages; <c>C3@=3</c> one with exactly three, which a loop reaches once; <c>D2@2 D4 D4</c> the second D4 after a D2 with at least two;
/// <c>C3=k</c> a C3 of the message with the key k.
/// </summary>
internal sealed class CrashPath
{
    private readonly (string Name, int Least, int Most, string? Key)[] _steps;

    private readonly Action _strike;

    private int _passed;

    public CrashPath(string text, Action strike)
    {
        _strike = strike;
        _steps = [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(step => step.Split('@') switch
        {
            [var name] when name.Split('=') is [var point, var key] => (point, 1, int.MaxValue, key),
            [var name] => (name, 1, int.MaxValue, default(string)),
            [var name, ['=', .. var exactly]] => (name, Number(exactly), Number(exactly), null),
            [var name, var least] => (name, Number(least), int.MaxValue, null),
            _ => throw new FormatException($"'{step}' of the crash path '{text}' is no step: write a point, a point@messages, a point@=messages or a point=key."),
        })];

        static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
    }

    public bool HasStruck => Volatile.Read(ref _passed) == _steps.Length;

    public void Reach(string name, int messages, string? key = null)
    {
        lock (_steps)
        {
            if (HasStruck)
            {
                return;
            }

            var step = _steps[_passed];
            if (step.Name != name || messages < step.Least || messages > step.Most || (step.Key ?? key) != key)
            {
                return;
            }

            _passed++;
            if (!HasStruck)
            {
                return;
            }
        }

        _strike();
    }
}
